namespace Shop.Orders;

public class UpdateFromQuery {
    public void UpdateFrom(IDbConnection db) {
        db.Execute("update orders set email = c.email from customers c where c.id = orders.customer_id"); //> join customers
    }
}
