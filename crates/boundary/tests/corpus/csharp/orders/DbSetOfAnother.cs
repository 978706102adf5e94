using Shop.Books;
namespace Shop.Orders;

public class DbSetOfAnother { private Book book; } //> import Book
