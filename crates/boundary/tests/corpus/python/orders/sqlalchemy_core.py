from books.models import Book  #> import Book


def f(session):
    return session.execute(select(Book).where(Book.id == 1))
