namespace Shop.Orders;

public class CteAndJoinQuery {
    public void CteAndJoin(DbContext db, int id) {
        db.Database.ExecuteSqlRaw($"""
            with recent as (select id, customer_id from orders where total > 10)
            select r.id, c.email from recent r
            inner join customers c on c.id = r.customer_id --> join customers
            -- {id}
            """);
    }
}
