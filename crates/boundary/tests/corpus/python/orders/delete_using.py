def delete_using(db):
    sql = ""
    sql += "delete from orders using customers c " #> join customers
    sql += "where c.id = orders.customer_id "
    return db.execute(sql)
