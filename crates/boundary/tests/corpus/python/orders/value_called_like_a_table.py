def value_called_like_a_table(db, id):
    sql = """
        select id from orders where kind = 'customers' and total > 1
    """
    return db.execute(sql, (id,))
