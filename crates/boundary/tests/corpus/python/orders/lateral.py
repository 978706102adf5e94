def lateral(db):
    return db.execute(
        "select o.id, x.amount from orders o cross join lateral "
        "(select amount from payments p where p.order_id = o.id limit 1) x " #> read payments
    )
