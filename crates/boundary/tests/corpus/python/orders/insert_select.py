def insert_select(db, id):
    sql = """
        insert into orders (id, customer_id)
        select id, id from customers where active = 1 --> read customers
    """
    return db.execute(sql, (id,))
