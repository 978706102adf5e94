def aggregate(db):
    sql = ""
    sql += "select count(*) from books where stock > 0 " #> read books
    return db.execute(sql)
