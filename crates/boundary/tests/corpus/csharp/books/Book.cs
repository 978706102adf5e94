namespace Shop.Books;

public class Book { public int Id { get; set; } }
