namespace Shop.Orders;

public class SetOfTwoQuery {
    public void SetOfTwo(DbContext db, int id) {
        db.Database.ExecuteSqlRaw($"""
            select id from customers where id = 1 --> read customers
            intersect select customer_id from orders
            -- {id}
            """);
    }
}
