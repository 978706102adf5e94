using Microsoft.EntityFrameworkCore;
namespace Shop.Orders;

public class Navigation
{
    public async Task F(ShopContext db)
    {
        await db.Orders.Include(o => o.Customer).ToListAsync(); //> join Customer
        await db.Orders.Include(o => o.Items).ThenInclude(i => i.Book).ToListAsync(); //> join Book
        await db.Orders.Where(o => o.Customer.Name == "x").ToListAsync(); //> join Customer
        await db.Orders.Where(o => o.Customer.Id == 1 && o.CustomerId == 2).ToListAsync();
        await db.Orders.Select(o => o.Total.Amount).ToListAsync();
        var text = list.Select(o => o.Customer.Name);
    }
}
