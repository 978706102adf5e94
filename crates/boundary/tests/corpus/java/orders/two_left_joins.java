package shop.orders;

class TwoLeftJoins {
    void two_left_joins(JdbcTemplate jdbc) {
        StringBuilder sql = new StringBuilder();
        sql.append("select o.id, c.email, b.title from orders o ");
        sql.append("left join customers c on c.id = o.customer_id "); //> join customers
        sql.append("left outer join books b on b.id = o.book_id "); //> join books
        jdbc.update(sql.toString());
    }
}
