namespace Shop.Orders;

public class UnionQuery {
    public void Union(IDbConnection db, int id) {
        const string sql = @"
            select id, total from orders
            union all select id, amount from refunds where id > 1 --> read refunds
        ";
        db.Query<Row>(sql, new { id });
    }
}
