package shop.orders;

class DerivedCalledLikeATable {
    List<Row> derived_called_like_a_table(JdbcTemplate jdbc) {
        String sql = """
            select customers.n from (select count(*) as n from orders) customers
            where customers.n > 1
            """;
        return jdbc.query(sql, mapper);
    }
}
