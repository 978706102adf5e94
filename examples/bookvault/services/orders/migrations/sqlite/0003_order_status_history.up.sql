-- Append-only: each step that an order took, and why.
CREATE TABLE order_status_history (
    history_id INTEGER PRIMARY KEY AUTOINCREMENT,
    order_id   INTEGER NOT NULL,
    old_status TEXT,
    new_status TEXT NOT NULL,
    reason     TEXT,
    changed_by TEXT NOT NULL DEFAULT 'orders',
    changed_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    CONSTRAINT order_status_history_order_fk FOREIGN KEY (order_id) REFERENCES orders (order_id)
) STRICT;

CREATE INDEX idx_order_status_history_order ON order_status_history (order_id);
