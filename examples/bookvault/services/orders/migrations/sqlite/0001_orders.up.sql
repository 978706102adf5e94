-- customer_id belongs to the customers service: an opaque value, no foreign key.
CREATE TABLE orders (
    order_id          INTEGER PRIMARY KEY AUTOINCREMENT,
    customer_id       INTEGER NOT NULL,
    -- Kept copy.
    customer_email    TEXT NOT NULL,
    order_date        TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    status            TEXT NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'confirmed', 'shipped', 'cancelled')),
    total             INTEGER NOT NULL CHECK (total >= 0),
    currency          TEXT NOT NULL DEFAULT 'GBP' CHECK (currency IN ('EUR', 'GBP', 'USD')),
    -- A snapshot: a later change of the profile never alters an order.
    shipping_name     TEXT NOT NULL,
    shipping_line1    TEXT NOT NULL,
    shipping_line2    TEXT,
    shipping_city     TEXT NOT NULL,
    shipping_postcode TEXT NOT NULL,
    shipping_country  TEXT NOT NULL CHECK (length(shipping_country) = 2),
    billing_name      TEXT NOT NULL,
    billing_line1     TEXT NOT NULL,
    billing_line2     TEXT,
    billing_city      TEXT NOT NULL,
    billing_postcode  TEXT NOT NULL,
    billing_country   TEXT NOT NULL CHECK (length(billing_country) = 2),
    updated_at        TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) STRICT;

CREATE INDEX idx_orders_customer ON orders (customer_id);
CREATE INDEX idx_orders_date ON orders (order_date);
