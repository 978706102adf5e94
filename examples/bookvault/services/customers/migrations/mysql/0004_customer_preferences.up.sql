-- What a customer likes to be asked, and in which language.
CREATE TABLE customer_preferences (
    customer_id BIGINT NOT NULL PRIMARY KEY,
    language    VARCHAR(5) COLLATE utf8mb4_bin NOT NULL DEFAULT 'en',
    currency    CHAR(3) COLLATE utf8mb4_bin NOT NULL DEFAULT 'GBP' CHECK (currency IN ('EUR', 'GBP', 'USD')),
    newsletter  BOOLEAN NOT NULL DEFAULT FALSE,
    settings    JSON NOT NULL DEFAULT (JSON_OBJECT()),
    updated_at  DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
    CONSTRAINT customer_preferences_customer_fk FOREIGN KEY (customer_id) REFERENCES customers (customer_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;
