namespace Shop.Orders;

public class Interpolated {
    void F(DbContext db, int id) {
        db.Orders.FromSqlInterpolated($"select * from payments where order_id = {id}"); //> read payments
    }
}
