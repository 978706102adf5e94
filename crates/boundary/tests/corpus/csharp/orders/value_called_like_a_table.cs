namespace Shop.Orders;

public class ValueCalledLikeATableQuery {
    public void ValueCalledLikeATable(DbContext db, int id) {
        db.Database.ExecuteSqlRaw($"""
            select id from orders where kind = 'customers' and total > 1
            -- {id}
            """);
    }
}
