namespace Shop.Orders;

public class OwnOnlyQuery {
    public void OwnOnly(IDbConnection db) {
        var sql = new StringBuilder();
        sql.Append("select o.id from orders o join order_items i on i.order_id = o.id where i.qty > 1 ");
        db.Execute(sql.ToString());
    }
}
