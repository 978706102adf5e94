namespace Shop.Payments;

public class Paying { private readonly IRepository<Payment> payments; }
