using System.ComponentModel.DataAnnotations.Schema;
namespace Shop.Orders;

[Table("orders")]
public class Order { public int Id { get; set; } public List<OrderItem> Items { get; set; } }

[Table("order_items")]
public class OrderItem { public int Id { get; set; } }
