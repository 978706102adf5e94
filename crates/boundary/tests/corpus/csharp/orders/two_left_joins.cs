namespace Shop.Orders;

public class TwoLeftJoinsQuery {
    public void TwoLeftJoins(IDbConnection db) {
        db.Execute("select o.id, c.email, b.title from orders o left join customers c on c.id = o.customer_id left outer join books b on b.id = o.book_id"); //> join customers; join books
    }
}
