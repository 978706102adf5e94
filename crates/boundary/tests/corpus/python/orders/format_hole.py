def f(cur, table):
    cur.execute("SELECT id FROM {} WHERE id = 1".format(table))
