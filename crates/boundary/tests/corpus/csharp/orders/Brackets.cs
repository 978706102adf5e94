namespace Shop.Orders;

public class Brackets {
    const string A = "SELECT o.Id FROM [dbo].[orders] o JOIN [dbo].[customers] c ON c.Id = o.CustomerId"; //> join dbo.customers
}
