-- Append-only: each step that an order took, and why.
CREATE TABLE order_status_history (
    history_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    order_id   BIGINT NOT NULL,
    old_status VARCHAR(20) COLLATE utf8mb4_bin NULL,
    new_status VARCHAR(20) COLLATE utf8mb4_bin NOT NULL,
    reason     VARCHAR(300) NULL,
    changed_by VARCHAR(100) NOT NULL DEFAULT 'orders',
    changed_at DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
    CONSTRAINT order_status_history_order_fk FOREIGN KEY (order_id) REFERENCES orders (order_id),
    KEY idx_order_status_history_order (order_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;
