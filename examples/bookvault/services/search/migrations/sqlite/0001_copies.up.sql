-- What others published, as far as the question needs it. Written by the sidecar only.
CREATE TABLE order_copy (
    order_id        INTEGER PRIMARY KEY,
    customer_id     INTEGER NOT NULL,
    currency        TEXT NOT NULL,
    total_cents     INTEGER NOT NULL,
    items           TEXT NOT NULL,
    confirmed_at    TEXT NOT NULL,
    source_position TEXT NOT NULL
) STRICT;

-- A row of each item of an order.
CREATE TABLE order_line_copy (
    order_id        INTEGER NOT NULL,
    line            INTEGER NOT NULL,
    sku             TEXT NOT NULL,
    quantity        INTEGER NOT NULL,
    price_cents     INTEGER NOT NULL,
    source_position TEXT NOT NULL,
    PRIMARY KEY (order_id, line)
) STRICT;

CREATE TABLE country_copy (
    customer_id     INTEGER PRIMARY KEY,
    country         TEXT NOT NULL,
    source_position TEXT NOT NULL
) STRICT;

CREATE TABLE title_copy (
    sku            TEXT PRIMARY KEY,
    title          TEXT NOT NULL,
    version_number INTEGER NOT NULL CHECK (version_number > 0)
) STRICT;
