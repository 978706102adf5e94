package shop.orders

import shop.customers.Customer //> import Customer

@Entity
@Table(name = "orders")
class Order(
    @Id val id: Long,
    @ManyToOne val customer: Customer, //> relation Customer
)
