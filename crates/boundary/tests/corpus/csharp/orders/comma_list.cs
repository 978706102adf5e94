namespace Shop.Orders;

public class CommaListQuery {
    public void CommaList(IDbConnection db, int id) {
        const string sql = @"
            select o.id, c.email
            from orders o,
            customers c --> join customers
            where c.id = o.customer_id
        ";
        db.Query<Row>(sql, new { id });
    }
}
