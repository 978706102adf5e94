from .models import Order


def rows(session, country=None):
    sql = (
        "SELECT o.order_id, c.email "
        "FROM orders AS o, "
        "     customers AS c "
        "WHERE c.customer_id = o.customer_id"
    )
    if country:
        sql += f" AND EXISTS (SELECT 1 FROM customer_addresses a WHERE a.country = '{country}')"
    return session.execute(sql)


def purge(session, year):
    session.execute(f"DELETE FROM orders WHERE extract(year FROM order_date) = {year}")
    session.execute("TRUNCATE TABLE transactions")
