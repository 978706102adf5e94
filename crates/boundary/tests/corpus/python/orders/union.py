def union(db):
    sql = ""
    sql += "select id, total from orders "
    sql += "union all select id, amount from refunds where id > 1 " #> read refunds
    return db.execute(sql)
