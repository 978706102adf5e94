-- What only some books have: original language, subtitle, series, format.
ALTER TABLE books ADD COLUMN metadata TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(metadata));
