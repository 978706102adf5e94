-- Append-only: every change of stock, and why. A product that has moved cannot be deleted.
CREATE TABLE stock_movements (
    movement_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    product_id  BIGINT NOT NULL,
    delta       BIGINT NOT NULL CHECK (delta <> 0),
    reason      VARCHAR(40) COLLATE utf8mb4_bin NOT NULL,
    context     JSON NOT NULL DEFAULT (JSON_OBJECT()),
    created_at  DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
    CONSTRAINT stock_movements_product_fk FOREIGN KEY (product_id) REFERENCES products (product_id),
    KEY idx_stock_movements_product (product_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;
