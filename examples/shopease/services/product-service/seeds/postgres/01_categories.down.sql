-- A category that the shop has put a product into stays.
DELETE FROM categories
WHERE category_id BETWEEN 1 AND 4
  AND NOT EXISTS (SELECT 1 FROM product_categories WHERE product_categories.category_id = categories.category_id);
