namespace Shop.Payments;

public class Payment { public int Id { get; set; } }
