-- Append-only: every word exchanged with the provider.
CREATE TABLE transactions (
    transaction_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    payment_id     BIGINT NOT NULL,
    kind           VARCHAR(20) NOT NULL CHECK (kind IN ('authorise', 'capture', 'void', 'refund')),
    outcome        VARCHAR(20) NOT NULL CHECK (outcome IN ('approved', 'declined', 'error')),
    amount_cents   BIGINT NOT NULL CHECK (amount_cents >= 0),
    currency       CHAR(3) NOT NULL DEFAULT 'GBP' CHECK (currency IN ('EUR', 'GBP', 'USD')),
    provider_ref   VARCHAR(100),
    details        JSONB NOT NULL DEFAULT '{}',
    occurred_at    TIMESTAMPTZ NOT NULL DEFAULT now(),
    CONSTRAINT transactions_payment_fk FOREIGN KEY (payment_id) REFERENCES payments (payment_id)
);

CREATE INDEX idx_transactions_payment ON transactions (payment_id);
