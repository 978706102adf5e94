-- customer_id belongs to the customers service: an opaque value, no foreign key.
CREATE TABLE orders (
    order_id          BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    customer_id       BIGINT NOT NULL,
    -- Kept copy.
    customer_email    VARCHAR(254) NOT NULL,
    order_date        DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
    status            VARCHAR(20) COLLATE utf8mb4_bin NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'confirmed', 'shipped', 'cancelled')),
    total             BIGINT NOT NULL CHECK (total >= 0),
    currency          CHAR(3) COLLATE utf8mb4_bin NOT NULL DEFAULT 'GBP' CHECK (currency IN ('EUR', 'GBP', 'USD')),
    -- A snapshot: a later change of the profile never alters an order.
    shipping_name     VARCHAR(200) NOT NULL,
    shipping_line1    VARCHAR(200) NOT NULL,
    shipping_line2    VARCHAR(200) NULL,
    shipping_city     VARCHAR(100) NOT NULL,
    shipping_postcode VARCHAR(20) NOT NULL,
    shipping_country  CHAR(2) COLLATE utf8mb4_bin NOT NULL CHECK (char_length(shipping_country) = 2),
    billing_name      VARCHAR(200) NOT NULL,
    billing_line1     VARCHAR(200) NOT NULL,
    billing_line2     VARCHAR(200) NULL,
    billing_city      VARCHAR(100) NOT NULL,
    billing_postcode  VARCHAR(20) NOT NULL,
    billing_country   CHAR(2) COLLATE utf8mb4_bin NOT NULL CHECK (char_length(billing_country) = 2),
    updated_at        DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
    KEY idx_orders_customer (customer_id),
    KEY idx_orders_date (order_date)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;
