namespace Shop.Orders;

public class UpdateOtherQuery {
    public Task UpdateOther(IDbConnection db) {
        var sql =
            "update books " + //> write books
            "set stock = stock - 1 where id = 1 ";
        return db.ExecuteAsync(sql);
    }
}
