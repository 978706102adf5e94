package com.bookvault.customers;

import jakarta.persistence.Entity;
import jakarta.persistence.Id;
import jakarta.persistence.Table;

@Entity
@Table(name = "customers")
public class Customer {
    @Id
    private Long customerId;
    private String email;

    public String email() {
        return email;
    }
}
