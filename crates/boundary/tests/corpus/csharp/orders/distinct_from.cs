namespace Shop.Orders;

public class DistinctFromQuery {
    public Task DistinctFrom(IDbConnection db) {
        var sql =
            "select id from orders where status is distinct from total and total > 1 ";
        return db.ExecuteAsync(sql);
    }
}
