# db.execute("select id from customers where id = 1")
A = 1
