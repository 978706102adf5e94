def insert_into_other(db):
    sql = ""
    sql += "insert into customers (id, email) " #> write customers
    sql += "values (1, 2) "
    return db.execute(sql)
