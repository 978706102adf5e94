QUERY = """
WITH totals AS (
    SELECT order_id, sum(amount) AS paid FROM payments GROUP BY order_id
)
MERGE INTO orders o
USING totals t ON t.order_id = o.order_id
WHEN MATCHED AND t.paid >= o.total THEN UPDATE SET status = 'paid'
"""


def reconcile(connection):
    connection.execute(QUERY)
    # connection.execute("DELETE FROM customers")
