package shop.orders

interface OrderRepository : JpaRepository<Order, Long> {
    @Query("select o from Order o where o.customer.name = :name") //> join Customer
    fun named(name: String): List<Order>

    @Query("select o from Order o where o.customer.id = :id")
    fun of(id: Long): List<Order>
}
