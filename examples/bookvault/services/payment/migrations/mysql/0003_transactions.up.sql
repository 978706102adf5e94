-- Append-only: every word exchanged with the provider.
CREATE TABLE transactions (
    transaction_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    payment_id     BIGINT NOT NULL,
    kind           VARCHAR(20) COLLATE utf8mb4_bin NOT NULL CHECK (kind IN ('authorise', 'capture', 'void', 'refund')),
    outcome        VARCHAR(20) COLLATE utf8mb4_bin NOT NULL CHECK (outcome IN ('approved', 'declined', 'error')),
    amount_cents   BIGINT NOT NULL CHECK (amount_cents >= 0),
    currency       CHAR(3) COLLATE utf8mb4_bin NOT NULL DEFAULT 'GBP' CHECK (currency IN ('EUR', 'GBP', 'USD')),
    provider_ref   VARCHAR(100) NULL,
    details        JSON NOT NULL DEFAULT (JSON_OBJECT()),
    occurred_at    DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
    CONSTRAINT transactions_payment_fk FOREIGN KEY (payment_id) REFERENCES payments (payment_id),
    KEY idx_transactions_payment (payment_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;
