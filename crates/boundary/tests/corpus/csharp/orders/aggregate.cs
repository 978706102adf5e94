namespace Shop.Orders;

public class AggregateQuery {
    public void Aggregate(IDbConnection db, int id) {
        const string sql = @"
            select count(*) from books where stock > 0 --> read books
        ";
        db.Query<Row>(sql, new { id });
    }
}
