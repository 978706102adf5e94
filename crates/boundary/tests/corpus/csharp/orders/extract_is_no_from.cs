namespace Shop.Orders;

public class ExtractIsNoFromQuery {
    public void ExtractIsNoFrom(IDbConnection db) {
        db.Execute("select extract(year from o.created) from orders o where o.total > 1");
    }
}
