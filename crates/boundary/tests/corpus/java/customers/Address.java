package shop.customers;

@Entity
@Table(name = Tables.ADDRESSES)
public class Address {}
