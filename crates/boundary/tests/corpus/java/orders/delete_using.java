package shop.orders;

class DeleteUsing {
    @Query(nativeQuery = true, value =
        "delete from orders using customers c " + //> join customers
        "where c.id = orders.customer_id ")
    List<Object[]> delete_using(long id);
}
