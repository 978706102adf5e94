def nested_twice(db, id):
    sql = """
        select id from orders where id in (select order_id from order_items where book_id in
        (select id from books where author_id in (select id from authors where name = 1))) --> read books; read authors
    """
    return db.execute(sql, (id,))
