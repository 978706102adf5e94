namespace Shop.Orders;

public class InsertSelectQuery {
    public void InsertSelect(DbContext db, int id) {
        db.Database.ExecuteSqlRaw($"""
            insert into orders (id, customer_id)
            select id, id from customers where active = 1 --> read customers
            -- {id}
            """);
    }
}
