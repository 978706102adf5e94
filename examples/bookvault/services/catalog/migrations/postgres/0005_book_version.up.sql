-- Counts the changes of a book. Whoever keeps a copy takes this number and never counts for itself.
ALTER TABLE books ADD COLUMN version BIGINT NOT NULL DEFAULT 1 CHECK (version > 0);
