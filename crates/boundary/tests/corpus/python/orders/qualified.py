def qualified(db, id):
    return db.execute(f"""
        select o.id from public.orders o
        join public.customers c on c.id = o.customer_id --> join public.customers
        -- {id}
    """)
