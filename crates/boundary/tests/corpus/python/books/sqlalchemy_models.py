class Book(Base):
    __tablename__ = "books"
