package com.bookvault.payment;

import com.bookvault.customers.CustomerRepository;
import java.util.List;
import org.springframework.data.jpa.repository.Query;
import org.springframework.jdbc.core.JdbcTemplate;

public class Refunds {
    private final CustomerRepository customers;
    private final JdbcTemplate jdbc;

    public Refunds(CustomerRepository customers, JdbcTemplate jdbc) {
        this.customers = customers;
        this.jdbc = jdbc;
    }

    // refund() once did: DELETE FROM orders WHERE order_id = ?
    public void refund(long order) {
        jdbc.update("INSERT INTO transactions (transaction_id, payment_id, state) "
            + "SELECT nextval('transaction_ids'), p.payment_id, 'refunded' FROM payments p WHERE p.order_id = ?", order);
        jdbc.update("UPDATE orders SET status = 'cancelled' WHERE order_id = ?", order);
        jdbc.update("INSERT INTO order_status_history VALUES (?, 'cancelled', now())", order);
    }

    @Query("select o from Order o where o.total > :total")
    public List<Object> large(long total) {
        return List.of();
    }
}
