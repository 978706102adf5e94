-- Append-only: what was ordered is never rewritten. book_id is opaque; title, author and price are
-- kept as they were when the order was placed.
CREATE TABLE order_items (
    order_item_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id      BIGINT NOT NULL,
    book_id       BIGINT NOT NULL,
    quantity      INTEGER NOT NULL CHECK (quantity > 0),
    unit_price    BIGINT NOT NULL CHECK (unit_price >= 0),
    book_title    VARCHAR(300) NOT NULL,
    book_author   VARCHAR(200) NOT NULL,
    CONSTRAINT order_items_order_fk FOREIGN KEY (order_id) REFERENCES orders (order_id)
);

CREATE INDEX idx_order_items_order ON order_items (order_id);
CREATE INDEX idx_order_items_book ON order_items (book_id);
