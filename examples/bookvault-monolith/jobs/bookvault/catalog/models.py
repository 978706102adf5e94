from sqlalchemy import BigInteger, Column, ForeignKey, Text

from bookvault.customers.models import Base


class Author(Base):
    __tablename__ = "authors"
    author_id = Column(BigInteger, primary_key=True)
    name = Column(Text)


class Book(Base):
    __tablename__ = "books"
    book_id = Column(BigInteger, primary_key=True)
    author_id = Column(BigInteger, ForeignKey("authors.author_id"))
    title = Column(Text)
