-- Append-only: every word exchanged with the provider.
CREATE TABLE transactions (
    transaction_id INTEGER PRIMARY KEY AUTOINCREMENT,
    payment_id     INTEGER NOT NULL,
    kind           TEXT NOT NULL CHECK (kind IN ('authorise', 'capture', 'void', 'refund')),
    outcome        TEXT NOT NULL CHECK (outcome IN ('approved', 'declined', 'error')),
    amount_cents   INTEGER NOT NULL CHECK (amount_cents >= 0),
    currency       TEXT NOT NULL DEFAULT 'GBP' CHECK (currency IN ('EUR', 'GBP', 'USD')),
    provider_ref   TEXT,
    details        TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(details)),
    occurred_at    TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    CONSTRAINT transactions_payment_fk FOREIGN KEY (payment_id) REFERENCES payments (payment_id)
) STRICT;

CREATE INDEX idx_transactions_payment ON transactions (payment_id);
