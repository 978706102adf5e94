def comma_list(db):
    sql = ""
    sql += "select o.id, c.email "
    sql += "from orders o, "
    sql += "customers c " #> join customers
    sql += "where c.id = o.customer_id "
    return db.execute(sql)
