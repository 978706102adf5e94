-- A product that still has stock or has moved stays, with its category.
DELETE FROM product_categories
WHERE product_id BETWEEN 1 AND 10
  AND NOT EXISTS (SELECT 1 FROM product_inventory WHERE product_inventory.product_id = product_categories.product_id)
  AND NOT EXISTS (SELECT 1 FROM stock_movements WHERE stock_movements.product_id = product_categories.product_id);

DELETE FROM products
WHERE product_id BETWEEN 1 AND 10
  AND NOT EXISTS (SELECT 1 FROM product_inventory WHERE product_inventory.product_id = products.product_id)
  AND NOT EXISTS (SELECT 1 FROM stock_movements WHERE stock_movements.product_id = products.product_id);
