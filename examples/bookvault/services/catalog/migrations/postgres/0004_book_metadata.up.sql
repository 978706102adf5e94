-- What only some books have: original language, subtitle, series, format.
ALTER TABLE books ADD COLUMN metadata JSONB NOT NULL DEFAULT '{}';

CREATE INDEX idx_books_metadata ON books USING gin (metadata jsonb_path_ops);
