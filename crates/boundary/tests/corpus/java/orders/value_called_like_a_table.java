package shop.orders;

class ValueCalledLikeATable {
    void value_called_like_a_table(JdbcTemplate jdbc) {
        jdbc.update(
            "select id from orders where kind = 'customers' and total > 1 ");
    }
}
