package shop.orders;

class JoinByAlias {
    void join_by_alias(JdbcTemplate jdbc) {
        jdbc.update(
            "select o.id, c.email " +
            "from orders o " +
            "join customers c on c.id = o.customer_id " + //> join customers
            "where o.total > 10 ");
    }
}
