namespace Shop.Orders;

public class LateralQuery {
    public void Lateral(IDbConnection db) {
        db.Execute("select o.id, x.amount from orders o cross join lateral (select amount from payments p where p.order_id = o.id limit 1) x"); //> read payments
    }
}
