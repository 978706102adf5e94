-- Fills every table: allowed here, because these are nobody's statements (`shared:` in boundaries.yaml).
INSERT INTO authors VALUES (1, 'Ursula K. Le Guin') ON CONFLICT DO NOTHING;
INSERT INTO books VALUES (1, 1, NULL, 'The Dispossessed', 1299, 'EUR') ON CONFLICT DO NOTHING;
INSERT INTO customers VALUES (1, 'shevek@example.org', 'Shevek') ON CONFLICT DO NOTHING;
INSERT INTO orders SELECT 1, customer_id, now(), 'pending', 1299, 'EUR' FROM customers ON CONFLICT DO NOTHING;
