DROP TABLE customer_preferences;
