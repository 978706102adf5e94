package shop.orders;

class UpperCase {
    List<Row> upper_case(JdbcTemplate jdbc) {
        String sql = """
            SELECT O.ID FROM ORDERS O
            JOIN CUSTOMERS C ON C.ID = O.CUSTOMER_ID --> join CUSTOMERS
            ORDER BY O.ID
            """;
        return jdbc.query(sql, mapper);
    }
}
