-- How a customer pays: the provider's token and what a person recognises, never a card number.
-- Ids up to 100000 are kept for seeds, so that they never meet the shop's own.
CREATE TABLE payment_methods (
    payment_method_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    customer_id       BIGINT NOT NULL,
    kind              VARCHAR(20) COLLATE utf8mb4_bin NOT NULL CHECK (kind IN ('card', 'paypal', 'invoice')),
    provider_token    VARCHAR(100) COLLATE utf8mb4_bin NOT NULL UNIQUE,
    brand             VARCHAR(40) NULL,
    last4             CHAR(4) COLLATE utf8mb4_bin NULL,
    expiry_month      SMALLINT NULL CHECK (expiry_month BETWEEN 1 AND 12),
    expiry_year       SMALLINT NULL,
    is_active         BOOLEAN NOT NULL DEFAULT TRUE,
    created_at        DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
    KEY idx_payment_methods_customer (customer_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci AUTO_INCREMENT = 100001;
