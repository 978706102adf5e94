package shop.orders;

class ExtractIsNoFrom {
    void extract_is_no_from(JdbcTemplate jdbc) {
        StringBuilder sql = new StringBuilder();
        sql.append("select extract(year from o.created) from orders o where o.total > 1 ");
        jdbc.update(sql.toString());
    }
}
