from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from books.models import Book  #> type-import Book
