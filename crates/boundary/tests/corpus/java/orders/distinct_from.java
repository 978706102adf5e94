package shop.orders;

class DistinctFrom {
    List<Row> distinct_from(JdbcTemplate jdbc) {
        return jdbc.query("select id from orders where status is distinct from total and total > 1", mapper);
    }
}
