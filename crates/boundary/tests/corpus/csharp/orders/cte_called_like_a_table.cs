namespace Shop.Orders;

public class CteCalledLikeATableQuery {
    public void CteCalledLikeATable(IDbConnection db) {
        db.Execute("with customers as (select customer_id as id from orders) select c.id from customers c where c.id > 1");
    }
}
