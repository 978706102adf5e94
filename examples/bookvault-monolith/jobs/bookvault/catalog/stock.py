LOW_STOCK = "SELECT book_id FROM inventory WHERE available < %s"


def restock(cursor, book_id, tables=("orders", "customers")):
    cursor.execute("SELECT count(*) FROM order_items WHERE book_id = %s", (book_id,))
    print(f"updated {book_id}: see orders and customers")
    cursor.execute(LOW_STOCK, (3,))


def help_text():
    return "delete from cart, update order, select a customer from customers and press enter"
