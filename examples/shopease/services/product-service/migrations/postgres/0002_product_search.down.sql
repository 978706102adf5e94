DROP INDEX idx_products_search;
DROP TRIGGER products_search_vector ON products;
DROP FUNCTION products_search_vector();
ALTER TABLE products DROP COLUMN search_vector;
