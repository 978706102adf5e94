-- One payment per request_key, however often a caller retries. order_id and customer_id are opaque.
CREATE TABLE payments (
    payment_id        INTEGER PRIMARY KEY AUTOINCREMENT,
    order_id          INTEGER NOT NULL,
    customer_id       INTEGER NOT NULL,
    payment_method_id INTEGER,
    request_key       TEXT NOT NULL UNIQUE,
    amount_cents      INTEGER NOT NULL CHECK (amount_cents >= 0),
    currency          TEXT NOT NULL DEFAULT 'GBP' CHECK (currency IN ('EUR', 'GBP', 'USD')),
    status            TEXT NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'authorised', 'captured', 'declined', 'cancelled', 'refunded')),
    decline_reason    TEXT,
    created_at        TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    updated_at        TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    CONSTRAINT payments_method_fk FOREIGN KEY (payment_method_id) REFERENCES payment_methods (payment_method_id)
) STRICT;

CREATE INDEX idx_payments_order ON payments (order_id);
CREATE INDEX idx_payments_customer ON payments (customer_id);
CREATE INDEX idx_payments_method ON payments (payment_method_id);
