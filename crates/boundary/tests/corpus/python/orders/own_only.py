def own_only(db):
    return db.execute("select o.id from orders o join order_items i on i.order_id = o.id where i.qty > 1")
