package shop.customers;

public interface CustomerRepository extends JpaRepository<Customer, Long> {}
