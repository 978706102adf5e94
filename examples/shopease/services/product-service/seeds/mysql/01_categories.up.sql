INSERT INTO categories (category_id, slug, name) VALUES
    (1, 'pantry', 'Pantry'),
    (2, 'dairy', 'Dairy and Eggs'),
    (3, 'bakery', 'Bakery'),
    (4, 'fruit-and-vegetables', 'Fruit and Vegetables')
ON DUPLICATE KEY UPDATE
    slug = VALUES(slug),
    name = VALUES(name);
