-- Full-text search over name and description, kept by a trigger.
ALTER TABLE products ADD COLUMN search_vector TSVECTOR;

CREATE FUNCTION products_search_vector() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.search_vector := setweight(to_tsvector('pg_catalog.english', NEW.name), 'A')
        || setweight(to_tsvector('pg_catalog.english', NEW.description), 'B');
    RETURN NEW;
END
$$;

CREATE TRIGGER products_search_vector
    BEFORE INSERT OR UPDATE ON products
    FOR EACH ROW EXECUTE FUNCTION products_search_vector();

-- Rows that were there before the trigger.
UPDATE products SET name = name;

CREATE INDEX idx_products_search ON products USING gin (search_vector);
