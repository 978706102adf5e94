package shop.orders;

public interface JpqlPaths {
    @Query("select o.customer.name from Order o where o.id = :id") //> join Customer
    List<String> names(long id);

    @Query("select o from Order o join fetch o.customer c where c.id = :id") //> join Customer
    List<Order> fetched(long id);

    @Query("select o from Order o where o.customer.id = :id and o.customer = :customer")
    List<Order> byKey(long id);

    @Query("select o from Order o where o.total.amount > 5 and o.note = 'o.customer.name'")
    List<Order> embedded();

    @Query("select count(o) from Order o " +
        "where o.customer.address.city = :city") //> join Customer
    long inCity(String city);
}
