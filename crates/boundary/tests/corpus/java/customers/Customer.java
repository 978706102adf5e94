package shop.customers;

@Entity
@Table(name = "customers")
public class Customer {
    @Id private long id;
}
