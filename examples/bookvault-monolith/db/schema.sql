-- One database for the whole shop. Foreign keys run across what will be four services.
CREATE TABLE customers (
    customer_id    BIGINT PRIMARY KEY,
    email          TEXT NOT NULL UNIQUE,
    name           TEXT NOT NULL,
    is_active      BOOLEAN NOT NULL DEFAULT TRUE,
    loyalty_points INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE customer_preferences (
    customer_id BIGINT PRIMARY KEY REFERENCES customers (customer_id) ON DELETE CASCADE,
    newsletter  BOOLEAN NOT NULL DEFAULT FALSE
);

CREATE TABLE customer_addresses (
    address_id  BIGINT PRIMARY KEY,
    customer_id BIGINT NOT NULL REFERENCES customers (customer_id),
    line1 TEXT NOT NULL, city TEXT NOT NULL, postcode TEXT NOT NULL, country CHAR(2) NOT NULL,
    is_default  BOOLEAN NOT NULL DEFAULT FALSE
);

CREATE TABLE authors (author_id BIGINT PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE categories (category_id BIGINT PRIMARY KEY, name TEXT NOT NULL);

CREATE TABLE books (
    book_id     BIGINT PRIMARY KEY,
    author_id   BIGINT NOT NULL REFERENCES authors (author_id),
    category_id BIGINT REFERENCES categories (category_id),
    title       TEXT NOT NULL,
    price_cents BIGINT NOT NULL,
    currency    CHAR(3) NOT NULL DEFAULT 'EUR'
);

CREATE TABLE inventory (
    book_id   BIGINT PRIMARY KEY REFERENCES books (book_id),
    available INTEGER NOT NULL CHECK (available >= 0)
);

CREATE TABLE orders (
    order_id    BIGINT PRIMARY KEY,
    customer_id BIGINT NOT NULL REFERENCES customers (customer_id),
    order_date  TIMESTAMPTZ NOT NULL DEFAULT now(),
    status      TEXT NOT NULL DEFAULT 'pending',
    total       BIGINT NOT NULL,
    currency    CHAR(3) NOT NULL
);

CREATE TABLE order_items (
    order_item_id BIGINT PRIMARY KEY,
    order_id      BIGINT NOT NULL REFERENCES orders (order_id),
    book_id       BIGINT NOT NULL,
    quantity      INTEGER NOT NULL,
    unit_price    BIGINT NOT NULL,
    CONSTRAINT fk_order_items_book FOREIGN KEY (book_id) REFERENCES books (book_id)
);

CREATE TABLE order_status_history (
    order_id BIGINT NOT NULL REFERENCES orders (order_id), status TEXT NOT NULL, at TIMESTAMPTZ NOT NULL
);

CREATE TABLE payment_methods (
    method_id   BIGINT PRIMARY KEY,
    customer_id BIGINT NOT NULL,
    token_hash  TEXT NOT NULL
);
CREATE TABLE payments (
    payment_id BIGINT PRIMARY KEY,
    order_id   BIGINT NOT NULL,
    method_id  BIGINT NOT NULL REFERENCES payment_methods (method_id),
    amount     BIGINT NOT NULL, currency CHAR(3) NOT NULL
);
CREATE TABLE transactions (transaction_id BIGINT PRIMARY KEY, payment_id BIGINT NOT NULL REFERENCES payments, state TEXT);

ALTER TABLE payment_methods
    ADD CONSTRAINT fk_method_customer FOREIGN KEY (customer_id) REFERENCES customers (customer_id);
ALTER TABLE payments ADD CONSTRAINT fk_payment_order FOREIGN KEY (order_id)
    REFERENCES orders (order_id) ON DELETE RESTRICT;

CREATE VIEW order_summary AS
SELECT o.order_id, c.name, o.total, o.currency
FROM orders o
JOIN customers c ON c.customer_id = o.customer_id;

CREATE FUNCTION take_stock() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE inventory SET available = available - NEW.quantity WHERE book_id = NEW.book_id;
    RETURN NEW;
END $$;
CREATE TRIGGER order_items_take_stock AFTER INSERT ON order_items
    FOR EACH ROW EXECUTE FUNCTION take_stock();
