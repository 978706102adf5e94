-- Who buys. A customer is never deleted, only made inactive.
-- Ids up to 100000 are kept for seeds, so that they never meet the shop's own.
CREATE TABLE customers (
    customer_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    email       VARCHAR(254) NOT NULL UNIQUE,
    name        VARCHAR(200) NOT NULL,
    phone       VARCHAR(32) NULL,
    country     CHAR(2) COLLATE utf8mb4_bin NOT NULL CHECK (char_length(country) = 2),
    is_active   BOOLEAN NOT NULL DEFAULT TRUE,
    created_at  DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
    updated_at  DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
    KEY idx_customers_country (country)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci AUTO_INCREMENT = 100001;
