def add_points(connection):
    connection.execute(
        """
        UPDATE customers c
           SET loyalty_points = loyalty_points + t.points
          FROM (SELECT customer_id, sum(total) / 100 AS points FROM orders GROUP BY customer_id) t
         WHERE t.customer_id = c.customer_id
        """
    )
