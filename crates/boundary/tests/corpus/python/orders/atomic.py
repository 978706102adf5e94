def f(cursor):
    with transaction.atomic():  #> transaction payments
        cursor.execute("INSERT INTO orders (id) VALUES (1)")
        cursor.execute("INSERT INTO payments (id) VALUES (1)")  #> write payments
