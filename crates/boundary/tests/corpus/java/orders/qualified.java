package shop.orders;

class Qualified {
    List<Row> qualified(JdbcTemplate jdbc) {
        return jdbc.query("select o.id from public.orders o join public.customers c on c.id = o.customer_id", mapper); //> join public.customers
    }
}
