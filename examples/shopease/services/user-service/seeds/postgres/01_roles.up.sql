INSERT INTO roles (role_id, name, description) VALUES
    (1, 'customer', 'Buys; sees their own profile and orders.'),
    (2, 'admin', 'Runs the shop.')
ON CONFLICT (role_id) DO UPDATE SET
    name = EXCLUDED.name,
    description = EXCLUDED.description;
