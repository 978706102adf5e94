namespace Shop.Orders;

public class JoinByAliasQuery {
    public void JoinByAlias(DbContext db, int id) {
        db.Database.ExecuteSqlRaw($"""
            select o.id, c.email
            from orders o
            join customers c on c.id = o.customer_id --> join customers
            where o.total > 10
            -- {id}
            """);
    }
}
