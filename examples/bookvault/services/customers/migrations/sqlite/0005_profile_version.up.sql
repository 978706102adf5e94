-- Counts the changes of a profile. Whoever keeps a copy takes this number and never counts for itself.
ALTER TABLE customers ADD COLUMN version INTEGER NOT NULL DEFAULT 1 CHECK (version > 0);
