from sqlalchemy import BigInteger, Column, ForeignKey, Text
from sqlalchemy.orm import relationship

from bookvault.catalog.models import Book
from bookvault.customers.models import Base, Customer


class Order(Base):
    __tablename__ = "orders"
    order_id = Column(BigInteger, primary_key=True)
    customer_id = Column(BigInteger, ForeignKey("customers.customer_id"))
    status = Column(Text)
    customer = relationship(Customer)
    items = relationship("OrderItem")


class OrderItem(Base):
    __tablename__ = "order_items"
    order_item_id = Column(BigInteger, primary_key=True)
    order_id = Column(BigInteger, ForeignKey("orders.order_id"))
    book_id = Column(BigInteger)
    book = relationship("Book", primaryjoin=lambda: OrderItem.book_id == Book.book_id)
