-- Stock lives beside the book. A reservation holds copies for an order until it is confirmed or cancelled.
CREATE TABLE inventory (
    book_id       BIGINT PRIMARY KEY,
    quantity      BIGINT NOT NULL DEFAULT 0 CHECK (quantity >= 0),
    reserved      BIGINT NOT NULL DEFAULT 0 CHECK (reserved >= 0),
    reorder_level BIGINT NOT NULL DEFAULT 5 CHECK (reorder_level >= 0),
    updated_at    TIMESTAMPTZ NOT NULL DEFAULT now(),
    CONSTRAINT inventory_not_oversold CHECK (reserved <= quantity),
    CONSTRAINT inventory_book_fk FOREIGN KEY (book_id) REFERENCES books (book_id)
);
