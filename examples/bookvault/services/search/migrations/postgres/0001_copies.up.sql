-- What others published, as far as the question needs it. Written by the sidecar only.
CREATE TABLE order_copy (
    order_id        BIGINT PRIMARY KEY,
    customer_id     BIGINT NOT NULL,
    currency        CHAR(3) NOT NULL,
    total_cents     BIGINT NOT NULL,
    items           JSONB NOT NULL,
    confirmed_at    TIMESTAMPTZ NOT NULL,
    source_position VARCHAR(80) NOT NULL
);

-- A row of each item of an order.
CREATE TABLE order_line_copy (
    order_id        BIGINT NOT NULL,
    line            BIGINT NOT NULL,
    sku             VARCHAR(40) NOT NULL,
    quantity        BIGINT NOT NULL,
    price_cents     BIGINT NOT NULL,
    source_position VARCHAR(80) NOT NULL,
    PRIMARY KEY (order_id, line)
);

CREATE TABLE country_copy (
    customer_id     BIGINT PRIMARY KEY,
    country         CHAR(2) NOT NULL,
    source_position VARCHAR(80) NOT NULL
);

CREATE TABLE title_copy (
    sku            VARCHAR(40) PRIMARY KEY,
    title          VARCHAR(300) NOT NULL,
    version_number BIGINT NOT NULL CHECK (version_number > 0)
);
