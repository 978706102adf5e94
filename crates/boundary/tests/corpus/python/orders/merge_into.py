def merge_into(db, id):
    return db.execute(f"""
        merge into orders t
        using customers s on (t.customer_id = s.id) --> join customers
        when matched then update set email = s.email
        -- {id}
    """)
