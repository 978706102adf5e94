package shop.orders;

class OwnOnly {
    List<Row> own_only(JdbcTemplate jdbc) {
        String sql = """
            select o.id from orders o join order_items i on i.order_id = o.id where i.qty > 1
            """;
        return jdbc.query(sql, mapper);
    }
}
