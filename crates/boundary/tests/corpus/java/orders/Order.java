package shop.orders;

import shop.customers.Customer; //> import Customer

@Entity
@Table(name = "orders")
public class Order {
    @ManyToOne @JoinColumn(name = "customer_id")
    private Customer customer; //> relation Customer
}
