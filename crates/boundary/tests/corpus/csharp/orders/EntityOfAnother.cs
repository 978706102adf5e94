using Shop.Customers;
namespace Shop.Orders;

public class EntityOfAnother { public Customer Customer { get; set; } } //> import Customer
