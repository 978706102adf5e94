def update_from(db):
    return db.execute(
        "update orders set email = c.email "
        "from customers c where c.id = orders.customer_id " #> join customers
    )
