def subquery_in(db, id):
    return db.execute(f"""
        select id from orders
        where customer_id in (select id from customers where country = 1) --> read customers
        -- {id}
    """)
