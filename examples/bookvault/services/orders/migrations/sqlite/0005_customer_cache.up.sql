-- A copy of what an order may show of a customer when it need not be the latest. Whether a customer
-- may buy is asked of customers. version_number is the source's version, never counted here.
CREATE TABLE customer_cache (
    customer_id      INTEGER PRIMARY KEY,
    name             TEXT NOT NULL,
    email            TEXT NOT NULL,
    is_active        INTEGER NOT NULL CHECK (is_active IN (0, 1)),
    address_name     TEXT,
    address_line1    TEXT,
    address_line2    TEXT,
    address_city     TEXT,
    address_postcode TEXT,
    address_country  TEXT,
    last_updated     TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    version_number   INTEGER NOT NULL CHECK (version_number > 0),
    source_service   TEXT NOT NULL DEFAULT 'customers'
) STRICT;
