from sqlalchemy import select
from sqlalchemy.orm import joinedload

from orders.models import OrderItem


def f(session):
    a = select(OrderItem).join(OrderItem.book)  #> join Book
    b = session.query(OrderItem).options(joinedload(OrderItem.book))  #> join Book
    c = session.query(OrderItem.book_id).filter(OrderItem.quantity > 1)
    return a, b, c, ", ".join(OrderItem.names)
