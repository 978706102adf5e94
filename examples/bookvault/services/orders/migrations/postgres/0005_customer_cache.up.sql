-- A copy of what an order may show of a customer when it need not be the latest. Whether a customer
-- may buy is asked of customers. version_number is the source's version, never counted here.
CREATE TABLE customer_cache (
    customer_id      BIGINT PRIMARY KEY,
    name             VARCHAR(200) NOT NULL,
    email            VARCHAR(254) NOT NULL,
    is_active        BOOLEAN NOT NULL,
    address_name     VARCHAR(200),
    address_line1    VARCHAR(200),
    address_line2    VARCHAR(200),
    address_city     VARCHAR(100),
    address_postcode VARCHAR(20),
    address_country  CHAR(2),
    last_updated     TIMESTAMPTZ NOT NULL DEFAULT now(),
    version_number   BIGINT NOT NULL CHECK (version_number > 0),
    source_service   VARCHAR(60) NOT NULL DEFAULT 'customers'
);
