namespace Shop.Orders;

public class InsertIntoOtherQuery {
    public void InsertIntoOther(IDbConnection db, int id) {
        const string sql = @"
            insert into customers (id, email) --> write customers
            values (1, 2)
        ";
        db.Query<Row>(sql, new { id });
    }
}
