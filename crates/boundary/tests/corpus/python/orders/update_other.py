def update_other(db, id):
    return db.execute(f"""
        update books --> write books
        set stock = stock - 1 where id = 1
        -- {id}
    """)
