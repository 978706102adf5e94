class Book(Base):
    __tablename__ = "books"
    author_id = Column(ForeignKey("authors.id"))


authors = Table("authors", metadata)
