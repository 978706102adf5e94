def cte_and_join(db, id):
    sql = """
        with recent as (select id, customer_id from orders where total > 10)
        select r.id, c.email from recent r
        inner join customers c on c.id = r.customer_id --> join customers
    """
    return db.execute(sql, (id,))
