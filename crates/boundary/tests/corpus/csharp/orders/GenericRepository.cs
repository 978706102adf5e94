using Shop.Payments;
namespace Shop.Orders;

public class GenericRepository { private readonly IRepository<Payment> payments; } //> import Payment
