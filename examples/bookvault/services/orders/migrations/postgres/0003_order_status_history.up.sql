-- Append-only: each step that an order took, and why.
CREATE TABLE order_status_history (
    history_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id   BIGINT NOT NULL,
    old_status VARCHAR(20),
    new_status VARCHAR(20) NOT NULL,
    reason     VARCHAR(300),
    changed_by VARCHAR(100) NOT NULL DEFAULT 'orders',
    changed_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    CONSTRAINT order_status_history_order_fk FOREIGN KEY (order_id) REFERENCES orders (order_id)
);

CREATE INDEX idx_order_status_history_order ON order_status_history (order_id);
