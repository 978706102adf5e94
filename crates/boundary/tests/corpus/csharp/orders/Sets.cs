namespace Shop.Orders;

public class Sets
{
    public void F(ShopContext db, Basket basket)
    {
        var a = db.Customers.Where(c => c.Id == 1); //> read customers
        var b = from o in db.Orders join c in db.Customers on o.CustomerId equals c.Id select c; //> read customers
        db.Books.Add(new()); //> write books
        var c = basket.Books.Count + this.Customers.Count;
        db.SaveChanges();
    }
}
