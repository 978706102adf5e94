package shop.orders;

class UpdateFrom {
    void update_from(JdbcTemplate jdbc) {
        StringBuilder sql = new StringBuilder();
        sql.append("update orders set email = c.email ");
        sql.append("from customers c where c.id = orders.customer_id "); //> join customers
        jdbc.update(sql.toString());
    }
}
