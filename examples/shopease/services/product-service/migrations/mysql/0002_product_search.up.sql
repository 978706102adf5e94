-- Full-text search over name and description, kept by the engine.
CREATE FULLTEXT INDEX idx_products_search ON products (name, description);
