-- What a customer likes to be asked, and in which language.
CREATE TABLE customer_preferences (
    customer_id BIGINT PRIMARY KEY,
    language    VARCHAR(5) NOT NULL DEFAULT 'en',
    currency    CHAR(3) NOT NULL DEFAULT 'GBP' CHECK (currency IN ('EUR', 'GBP', 'USD')),
    newsletter  BOOLEAN NOT NULL DEFAULT FALSE,
    settings    JSONB NOT NULL DEFAULT '{}',
    updated_at  TIMESTAMPTZ NOT NULL DEFAULT now(),
    CONSTRAINT customer_preferences_customer_fk FOREIGN KEY (customer_id) REFERENCES customers (customer_id)
);
