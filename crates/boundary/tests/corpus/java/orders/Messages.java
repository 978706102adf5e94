package shop.orders;

class Messages {
    static final String A = "Update customers failed";
    void f() {
        log.info("select customers from the list");
        throw new IllegalStateException("Could not delete from books");
    }
}
