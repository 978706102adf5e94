namespace Shop.Orders;

public class DeleteUsingQuery {
    public void DeleteUsing(IDbConnection db, int id) {
        const string sql = @"
            delete from orders using customers c --> join customers
            where c.id = orders.customer_id
        ";
        db.Query<Row>(sql, new { id });
    }
}
