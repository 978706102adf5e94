namespace Shop.Orders;

public class Messages {
    const string A = "Update customers failed";
    void F() {
        logger.LogInformation("select customers from the list");
        throw new InvalidOperationException("Could not delete from books");
    }
}
