def join_by_alias(db, id):
    sql = """
        select o.id, c.email
        from orders o
        join customers c on c.id = o.customer_id --> join customers
        where o.total > 10
    """
    return db.execute(sql, (id,))
