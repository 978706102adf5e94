package shop.customers

@Entity
@Table(name = "customers")
class Customer(@Id val id: Long, val name: String)
