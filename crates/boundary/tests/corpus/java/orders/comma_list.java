package shop.orders;

class CommaList {
    @Query(nativeQuery = true, value =
        "select o.id, c.email " +
        "from orders o, " +
        "customers c " + //> join customers
        "where c.id = o.customer_id ")
    List<Object[]> comma_list(long id);
}
