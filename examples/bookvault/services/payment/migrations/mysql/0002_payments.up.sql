-- One payment per request_key, however often a caller retries. order_id and customer_id are opaque.
CREATE TABLE payments (
    payment_id        BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    order_id          BIGINT NOT NULL,
    customer_id       BIGINT NOT NULL,
    payment_method_id BIGINT NULL,
    request_key       VARCHAR(80) COLLATE utf8mb4_bin NOT NULL UNIQUE,
    amount_cents      BIGINT NOT NULL CHECK (amount_cents >= 0),
    currency          CHAR(3) COLLATE utf8mb4_bin NOT NULL DEFAULT 'GBP' CHECK (currency IN ('EUR', 'GBP', 'USD')),
    status            VARCHAR(20) COLLATE utf8mb4_bin NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'authorised', 'captured', 'declined', 'cancelled', 'refunded')),
    decline_reason    VARCHAR(200) NULL,
    created_at        DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
    updated_at        DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
    CONSTRAINT payments_method_fk FOREIGN KEY (payment_method_id) REFERENCES payment_methods (payment_method_id),
    KEY idx_payments_order (order_id),
    KEY idx_payments_customer (customer_id),
    KEY idx_payments_method (payment_method_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;
