package shop.orders;

class CteCalledLikeATable {
    void cte_called_like_a_table(JdbcTemplate jdbc) {
        StringBuilder sql = new StringBuilder();
        sql.append("with customers as (select customer_id as id from orders) ");
        sql.append("select c.id from customers c where c.id > 1 ");
        jdbc.update(sql.toString());
    }
}
