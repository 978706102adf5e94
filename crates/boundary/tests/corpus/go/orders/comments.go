package orders

// db.Query("select id from customers where id = 1")
/* update books set a = 1 */
