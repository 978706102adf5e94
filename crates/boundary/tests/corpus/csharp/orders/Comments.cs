namespace Shop.Orders;

/// <summary>select id from customers where id = 1</summary>
public class Comments {
    // db.Execute("delete from books where id = 1");
}
