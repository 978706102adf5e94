-- How much is there, and how much of it is promised.
CREATE TABLE product_inventory (
    product_id    BIGINT PRIMARY KEY,
    quantity      BIGINT NOT NULL DEFAULT 0 CHECK (quantity >= 0),
    reserved      BIGINT NOT NULL DEFAULT 0 CHECK (reserved >= 0),
    reorder_level BIGINT NOT NULL DEFAULT 5 CHECK (reorder_level >= 0),
    updated_at    TIMESTAMPTZ NOT NULL DEFAULT now(),
    CONSTRAINT product_inventory_not_oversold CHECK (reserved <= quantity),
    CONSTRAINT product_inventory_product_fk FOREIGN KEY (product_id) REFERENCES products (product_id)
);
