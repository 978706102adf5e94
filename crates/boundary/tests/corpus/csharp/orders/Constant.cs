namespace Shop.Orders;

public class Constant {
    private const string Table = "inventory";
    void F(IDbConnection db) { db.Query($"select id from {Table} where id = 1"); } //> read inventory
}
