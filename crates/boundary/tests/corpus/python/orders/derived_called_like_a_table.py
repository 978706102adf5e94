def derived_called_like_a_table(db):
    return db.execute("select customers.n from (select count(*) as n from orders) customers where customers.n > 1")
