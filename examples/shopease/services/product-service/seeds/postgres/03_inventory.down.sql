-- What has moved is the shop's by now.
DELETE FROM product_inventory
WHERE product_id BETWEEN 1 AND 10
  AND NOT EXISTS (SELECT 1 FROM stock_movements WHERE stock_movements.product_id = product_inventory.product_id);
