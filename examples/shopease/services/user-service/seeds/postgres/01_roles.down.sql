-- A role that somebody holds stays.
DELETE FROM roles
WHERE role_id BETWEEN 1 AND 2
  AND NOT EXISTS (SELECT 1 FROM user_roles WHERE user_roles.role_id = roles.role_id);
