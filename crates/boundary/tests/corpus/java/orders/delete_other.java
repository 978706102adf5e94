package shop.orders;

class DeleteOther {
    List<Row> delete_other(JdbcTemplate jdbc) {
        String sql = """
            delete from payments where order_id = 1 --> write payments
            """;
        return jdbc.query(sql, mapper);
    }
}
