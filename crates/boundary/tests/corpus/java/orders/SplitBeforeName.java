package shop.orders;

class SplitBeforeName {
    String f() {
        return "select c.id, c.name from " + "customers c where c.id = ?"; //> read customers
    }
}
