-- The address book. An order keeps its own snapshot: a change here never alters it.
CREATE TABLE customer_addresses (
    address_id  INTEGER PRIMARY KEY AUTOINCREMENT,
    customer_id INTEGER NOT NULL,
    label       TEXT NOT NULL DEFAULT 'home',
    name        TEXT NOT NULL,
    line1       TEXT NOT NULL,
    line2       TEXT,
    city        TEXT NOT NULL,
    postcode    TEXT NOT NULL,
    country     TEXT NOT NULL CHECK (length(country) = 2),
    is_default  INTEGER NOT NULL DEFAULT FALSE CHECK (is_default IN (0, 1)),
    -- NULL unless default, so that a customer has at most one default address.
    default_for INTEGER GENERATED ALWAYS AS (CASE WHEN is_default THEN customer_id END) STORED UNIQUE,
    created_at  TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    updated_at  TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    CONSTRAINT customer_addresses_customer_fk FOREIGN KEY (customer_id) REFERENCES customers (customer_id)
) STRICT;

CREATE INDEX idx_addresses_customer ON customer_addresses (customer_id);

INSERT INTO sqlite_sequence (name, seq) VALUES ('customer_addresses', 100000);
