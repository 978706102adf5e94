-- Again: the stock is left to the shop, which counts it.
INSERT INTO product_inventory (product_id, quantity, reorder_level) VALUES
    (1, 120, 30),
    (2, 80, 40),
    (3, 60, 20),
    (4, 25, 10),
    (5, 300, 80),
    (6, 140, 50),
    (7, 90, 30),
    (8, 55, 15),
    (9, 70, 20),
    (10, 40, 12)
ON CONFLICT (product_id) DO UPDATE SET
    reorder_level = EXCLUDED.reorder_level;
