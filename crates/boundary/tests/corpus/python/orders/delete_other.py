def delete_other(db):
    return db.execute("delete from payments where order_id = 1") #> write payments
