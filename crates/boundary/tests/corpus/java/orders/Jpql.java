package shop.orders;

interface Jpql {
    @Query("select o from Order o where o.total > :total")
    List<Order> own();

    @Query("select c from Customer c where c.id = :id") //> read Customer
    List<Object> other();

    @Query("select o.id from Order o join Customer c on c.id = o.customerId") //> join Customer
    List<Object> both();
}
