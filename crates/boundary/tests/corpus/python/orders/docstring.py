def f():
    """Select the customers from customers where they are.

    SELECT * FROM books WHERE id = 1
    """
    return 1
