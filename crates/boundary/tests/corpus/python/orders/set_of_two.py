def set_of_two(db, id):
    sql = """
        select id from customers where id = 1 --> read customers
        intersect select customer_id from orders
    """
    return db.execute(sql, (id,))
