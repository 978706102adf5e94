-- Append-only: every change of stock, and why. A product that has moved cannot be deleted.
CREATE TABLE stock_movements (
    movement_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    product_id  BIGINT NOT NULL,
    delta       BIGINT NOT NULL CHECK (delta <> 0),
    reason      VARCHAR(40) NOT NULL,
    context     JSONB NOT NULL DEFAULT '{}',
    created_at  TIMESTAMPTZ NOT NULL DEFAULT now(),
    CONSTRAINT stock_movements_product_fk FOREIGN KEY (product_id) REFERENCES products (product_id)
);

CREATE INDEX idx_stock_movements_product ON stock_movements (product_id);
