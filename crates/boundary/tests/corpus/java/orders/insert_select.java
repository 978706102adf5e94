package shop.orders;

class InsertSelect {
    void insert_select(JdbcTemplate jdbc) {
        jdbc.update(
            "insert into orders (id, customer_id) " +
            "select id, id from customers where active = 1 "); //> read customers
    }
}
