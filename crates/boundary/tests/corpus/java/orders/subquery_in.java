package shop.orders;

class SubqueryIn {
    List<Row> subquery_in(JdbcTemplate jdbc) {
        return jdbc.query("select id from orders where customer_id in (select id from customers where country = 1)", mapper); //> read customers
    }
}
