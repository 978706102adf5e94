TABLE = "customer_addresses"


def f(cur):
    cur.execute(f"SELECT id FROM {TABLE} WHERE id = 1")  #> read customer_addresses
