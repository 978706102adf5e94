namespace Shop.Orders;

public class ExistsQuery {
    public void Exists(IDbConnection db) {
        var sql = new StringBuilder();
        sql.Append("select id from orders o where exists ( ");
        sql.Append("select 1 from payments p where p.order_id = o.id) "); //> read payments
        db.Execute(sql.ToString());
    }
}
