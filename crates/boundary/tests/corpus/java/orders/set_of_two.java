package shop.orders;

class SetOfTwo {
    void set_of_two(JdbcTemplate jdbc) {
        jdbc.update(
            "select id from customers where id = 1 " + //> read customers
            "intersect select customer_id from orders ");
    }
}
