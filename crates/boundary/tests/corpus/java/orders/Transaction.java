package shop.orders;

class Placing {
    @Transactional //> transaction books
    public void place() {
        jdbc.update("insert into orders (id) values (1)");
        take();
    }

    private void take() {
        jdbc.update("update books set stock = 0 where id = 1"); //> write books
    }
}
