-- What a customer likes to be asked, and in which language.
CREATE TABLE customer_preferences (
    customer_id INTEGER PRIMARY KEY,
    language    TEXT NOT NULL DEFAULT 'en',
    currency    TEXT NOT NULL DEFAULT 'GBP' CHECK (currency IN ('EUR', 'GBP', 'USD')),
    newsletter  INTEGER NOT NULL DEFAULT FALSE CHECK (newsletter IN (0, 1)),
    settings    TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(settings)),
    updated_at  TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    CONSTRAINT customer_preferences_customer_fk FOREIGN KEY (customer_id) REFERENCES customers (customer_id)
) STRICT;
