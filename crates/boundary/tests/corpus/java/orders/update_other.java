package shop.orders;

class UpdateOther {
    List<Row> update_other(JdbcTemplate jdbc) {
        return jdbc.query("update books set stock = stock - 1 where id = 1", mapper); //> write books
    }
}
