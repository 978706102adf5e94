package orders

import "shop/books"

var b books.Book //> import Book
