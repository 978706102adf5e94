-- Append-only: what was ordered is never rewritten. book_id is opaque; title, author and price are
-- kept as they were when the order was placed.
CREATE TABLE order_items (
    order_item_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    order_id      BIGINT NOT NULL,
    book_id       BIGINT NOT NULL,
    quantity      INT NOT NULL CHECK (quantity > 0),
    unit_price    BIGINT NOT NULL CHECK (unit_price >= 0),
    book_title    VARCHAR(300) NOT NULL,
    book_author   VARCHAR(200) NOT NULL,
    CONSTRAINT order_items_order_fk FOREIGN KEY (order_id) REFERENCES orders (order_id),
    KEY idx_order_items_order (order_id),
    KEY idx_order_items_book (book_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;
