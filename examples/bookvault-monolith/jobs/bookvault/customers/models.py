from sqlalchemy import BigInteger, Boolean, Column, Text
from sqlalchemy.orm import declarative_base

Base = declarative_base()


class Customer(Base):
    """A customer. select * from orders is what this class must never do."""

    __tablename__ = "customers"
    customer_id = Column(BigInteger, primary_key=True)
    email = Column(Text)
    is_active = Column(Boolean)
