package shop.orders;

/** jdbc.query("select id from customers where id = 1") */
class Comments {
    // jdbc.update("delete from books where id = 1");
}
