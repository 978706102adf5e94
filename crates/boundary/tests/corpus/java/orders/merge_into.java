package shop.orders;

class MergeInto {
    List<Row> merge_into(JdbcTemplate jdbc) {
        return jdbc.query("merge into orders t using customers s on (t.customer_id = s.id) when matched then update set email = s.email", mapper); //> join customers
    }
}
