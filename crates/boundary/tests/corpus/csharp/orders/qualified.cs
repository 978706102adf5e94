namespace Shop.Orders;

public class QualifiedQuery {
    public Task Qualified(IDbConnection db) {
        var sql =
            "select o.id from public.orders o " +
            "join public.customers c on c.id = o.customer_id "; //> join public.customers
        return db.ExecuteAsync(sql);
    }
}
