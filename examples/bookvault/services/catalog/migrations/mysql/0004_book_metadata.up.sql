-- What only some books have: original language, subtitle, series, format.
ALTER TABLE books ADD COLUMN metadata JSON NOT NULL DEFAULT (JSON_OBJECT());
