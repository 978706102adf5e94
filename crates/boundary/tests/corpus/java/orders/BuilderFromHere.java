package shop.orders;

class BuilderFromHere {
    String f(boolean all) {
        StringBuilder sql = new StringBuilder("select o.id from orders o ");
        if (!all) {
            sql.append(" left join payments p on p.order_id = o.id "); //> join payments
        }
        return sql.append(" where o.id > 1").toString();
    }
}
