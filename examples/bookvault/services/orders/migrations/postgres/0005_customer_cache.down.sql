DROP TABLE customer_cache;
