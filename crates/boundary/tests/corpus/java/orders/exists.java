package shop.orders;

class Exists {
    List<Row> exists(JdbcTemplate jdbc) {
        String sql = """
            select id from orders o where exists (
            select 1 from payments p where p.order_id = o.id) --> read payments
            """;
        return jdbc.query(sql, mapper);
    }
}
