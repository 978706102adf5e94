-- Again: what describes a product is put right; its price is left to the shop.
INSERT INTO products (product_id, sku, name, description, price_cents, attributes) VALUES
    (1, 'GRO-001', 'Rolled Oats', 'Whole-grain rolled oats for porridge and baking.', 185, '{"size": "1 kg", "unit": "bag"}'),
    (2, 'GRO-002', 'Semi-Skimmed Milk', 'Fresh pasteurised milk from British farms.', 155, '{"size": "2 l", "unit": "bottle"}'),
    (3, 'GRO-003', 'Free-Range Eggs', 'A dozen large eggs from free-range hens.', 320, '{"size": "12", "unit": "box"}'),
    (4, 'GRO-004', 'Sourdough Loaf', 'Slow-fermented white sourdough, baked daily.', 340, '{"size": "800 g", "unit": "loaf"}'),
    (5, 'GRO-005', 'Braeburn Apples', 'Crisp red and green apples, loose.', 45, '{"colour": "red", "unit": "each"}'),
    (6, 'GRO-006', 'Bananas', 'Fairtrade bananas, a bunch of five.', 95, '{"colour": "yellow", "size": "5", "unit": "bunch"}'),
    (7, 'GRO-007', 'Vine Tomatoes', 'Tomatoes ripened on the vine.', 210, '{"colour": "red", "size": "500 g", "unit": "pack"}'),
    (8, 'GRO-008', 'Mature Cheddar', 'Cheddar aged for twelve months.', 425, '{"size": "400 g", "unit": "block"}'),
    (9, 'GRO-009', 'Basmati Rice', 'Long-grain aromatic rice.', 375, '{"size": "1 kg", "unit": "bag"}'),
    (10, 'GRO-010', 'Olive Oil', 'Extra virgin olive oil, cold pressed.', 795, '{"size": "500 ml", "unit": "bottle"}')
ON DUPLICATE KEY UPDATE
    sku = VALUES(sku),
    name = VALUES(name),
    description = VALUES(description),
    attributes = VALUES(attributes);

INSERT INTO product_categories (product_id, category_id) VALUES
    (1, 1),
    (2, 2),
    (3, 2),
    (4, 3),
    (5, 4),
    (6, 4),
    (7, 4),
    (8, 2),
    (9, 1),
    (10, 1)
ON DUPLICATE KEY UPDATE product_id = product_id;
