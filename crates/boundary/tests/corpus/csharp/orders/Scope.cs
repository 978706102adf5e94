namespace Shop.Orders;

public class Scope {
    void F(IDbConnection db) {
        using (var scope = new TransactionScope()) { //> transaction books
            db.Execute("insert into orders (id) values (1)");
            db.Execute("update books set stock = 0 where id = 1"); //> write books
            scope.Complete();
        }
    }
}
