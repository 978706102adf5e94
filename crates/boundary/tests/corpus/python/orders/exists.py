def exists(db):
    return db.execute("select id from orders o where exists ( select 1 from payments p where p.order_id = o.id)") #> read payments
