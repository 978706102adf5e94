from django.db import models
from customers.models import Customer  #> import Customer


class Order(models.Model):
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE)  #> relation Customer
    other = models.ForeignKey("customers.Customer", on_delete=models.CASCADE)  #> relation Customer

    class Meta:
        db_table = "orders"


class OrderItem(Base):
    __tablename__ = "order_items"
    book_id = Column(ForeignKey("books.id"))  #> relation books
    book = relationship("Book")  #> relation Book
