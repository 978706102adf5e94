def extract_is_no_from(db):
    return db.execute(
        "select extract(year from o.created) from orders o where o.total > 1 "
    )
