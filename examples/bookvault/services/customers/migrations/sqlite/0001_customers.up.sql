-- Who buys. A customer is never deleted, only made inactive.
-- Ids up to 100000 are kept for seeds, so that they never meet the shop's own.
CREATE TABLE customers (
    customer_id INTEGER PRIMARY KEY AUTOINCREMENT,
    email       TEXT NOT NULL COLLATE NOCASE UNIQUE,
    name        TEXT NOT NULL,
    phone       TEXT,
    country     TEXT NOT NULL CHECK (length(country) = 2),
    is_active   INTEGER NOT NULL DEFAULT TRUE CHECK (is_active IN (0, 1)),
    created_at  TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    updated_at  TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) STRICT;

CREATE INDEX idx_customers_country ON customers (country);

INSERT INTO sqlite_sequence (name, seq) VALUES ('customers', 100000);
