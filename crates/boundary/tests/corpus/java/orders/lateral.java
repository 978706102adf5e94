package shop.orders;

class Lateral {
    void lateral(JdbcTemplate jdbc) {
        StringBuilder sql = new StringBuilder();
        sql.append("select o.id, x.amount from orders o cross join lateral ");
        sql.append("(select amount from payments p where p.order_id = o.id limit 1) x "); //> read payments
        jdbc.update(sql.toString());
    }
}
