-- The address book. An order keeps its own snapshot: a change here never alters it.
CREATE TABLE customer_addresses (
    address_id  BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    customer_id BIGINT NOT NULL,
    label       VARCHAR(40) NOT NULL DEFAULT 'home',
    name        VARCHAR(200) NOT NULL,
    line1       VARCHAR(200) NOT NULL,
    line2       VARCHAR(200) NULL,
    city        VARCHAR(100) NOT NULL,
    postcode    VARCHAR(20) NOT NULL,
    country     CHAR(2) COLLATE utf8mb4_bin NOT NULL CHECK (char_length(country) = 2),
    is_default  BOOLEAN NOT NULL DEFAULT FALSE,
    -- NULL unless default, so that a customer has at most one default address.
    default_for BIGINT GENERATED ALWAYS AS (CASE WHEN is_default THEN customer_id END) STORED UNIQUE,
    created_at  DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
    updated_at  DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
    CONSTRAINT customer_addresses_customer_fk FOREIGN KEY (customer_id) REFERENCES customers (customer_id),
    KEY idx_addresses_customer (customer_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci AUTO_INCREMENT = 100001;
