namespace Shop.Orders;

public class PropertyOnly { void F() { var x = this.Customer.Name; var y = Book.Title; } }
