def f(cur, id):
    cur.execute("SELECT id FROM payments WHERE id = %s", (id,))  #> read payments
