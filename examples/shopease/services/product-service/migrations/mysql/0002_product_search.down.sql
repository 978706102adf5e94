DROP INDEX idx_products_search ON products;
