namespace Shop.Orders;

public class DerivedCalledLikeATableQuery {
    public void DerivedCalledLikeATable(IDbConnection db) {
        var sql = new StringBuilder();
        sql.Append("select customers.n from (select count(*) as n from orders) customers ");
        sql.Append("where customers.n > 1 ");
        db.Execute(sql.ToString());
    }
}
