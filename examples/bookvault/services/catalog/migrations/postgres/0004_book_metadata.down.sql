DROP INDEX idx_books_metadata;
ALTER TABLE books DROP COLUMN metadata;
