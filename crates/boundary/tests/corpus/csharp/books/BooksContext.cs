namespace Shop.Books;

public class BooksContext : DbContext {
    public DbSet<Book> Books { get; set; }
    protected override void OnModelCreating(ModelBuilder b) { b.Entity<Book>().ToTable("books"); }
}
