ALTER TABLE books DROP COLUMN metadata;
