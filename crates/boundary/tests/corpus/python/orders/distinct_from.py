def distinct_from(db, id):
    return db.execute(f"""
        select id from orders where status is distinct from total and total > 1
        -- {id}
    """)
