def cte_called_like_a_table(db):
    return db.execute(
        "with customers as (select customer_id as id from orders) "
        "select c.id from customers c where c.id > 1 "
    )
