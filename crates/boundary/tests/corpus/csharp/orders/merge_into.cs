namespace Shop.Orders;

public class MergeIntoQuery {
    public Task MergeInto(IDbConnection db) {
        var sql =
            "merge into orders t " +
            "using customers s on (t.customer_id = s.id) " + //> join customers
            "when matched then update set email = s.email ";
        return db.ExecuteAsync(sql);
    }
}
