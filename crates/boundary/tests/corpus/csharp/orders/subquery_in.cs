namespace Shop.Orders;

public class SubqueryInQuery {
    public Task SubqueryIn(IDbConnection db) {
        var sql =
            "select id from orders " +
            "where customer_id in (select id from customers where country = 1) "; //> read customers
        return db.ExecuteAsync(sql);
    }
}
