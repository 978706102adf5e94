def f(cur):
    parts = ["SELECT o.id FROM orders o"]
    parts.append("JOIN books b ON b.id = o.book_id")  #> join books
    cur.execute(" ".join(parts))
