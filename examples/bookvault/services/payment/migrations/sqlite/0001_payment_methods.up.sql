-- How a customer pays: the provider's token and what a person recognises, never a card number.
-- Ids up to 100000 are kept for seeds, so that they never meet the shop's own.
CREATE TABLE payment_methods (
    payment_method_id INTEGER PRIMARY KEY AUTOINCREMENT,
    customer_id       INTEGER NOT NULL,
    kind              TEXT NOT NULL CHECK (kind IN ('card', 'paypal', 'invoice')),
    provider_token    TEXT NOT NULL UNIQUE,
    brand             TEXT,
    last4             TEXT CHECK (length(last4) = 4),
    expiry_month      INTEGER CHECK (expiry_month BETWEEN 1 AND 12),
    expiry_year       INTEGER,
    is_active         INTEGER NOT NULL DEFAULT TRUE CHECK (is_active IN (0, 1)),
    created_at        TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) STRICT;

CREATE INDEX idx_payment_methods_customer ON payment_methods (customer_id);

INSERT INTO sqlite_sequence (name, seq) VALUES ('payment_methods', 100000);
