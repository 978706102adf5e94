def two_left_joins(db):
    return db.execute(
        "select o.id, c.email, b.title from orders o "
        "left join customers c on c.id = o.customer_id " #> join customers
        "left outer join books b on b.id = o.book_id " #> join books
    )
