package shop.customers;

public final class Tables {
    public static final String ADDRESSES = "customer_addresses";
}
