package shop.orders;

class CteAndJoin {
    void cte_and_join(JdbcTemplate jdbc) {
        jdbc.update(
            "with recent as (select id, customer_id from orders where total > 10) " +
            "select r.id, c.email from recent r " +
            "inner join customers c on c.id = r.customer_id "); //> join customers
    }
}
