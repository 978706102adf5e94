-- Ids up to 100000 are kept for seeds, so that they never meet the shop's own.
CREATE TABLE authors (
    author_id  INTEGER PRIMARY KEY AUTOINCREMENT,
    name       TEXT NOT NULL UNIQUE,
    -- Before our era: negative. NULL: not known for certain.
    birth_year INTEGER,
    death_year INTEGER,
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) STRICT;

INSERT INTO sqlite_sequence (name, seq) VALUES ('authors', 100000);

CREATE TABLE categories (
    category_id INTEGER PRIMARY KEY AUTOINCREMENT,
    slug        TEXT NOT NULL UNIQUE,
    name        TEXT NOT NULL,
    created_at  TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) STRICT;

INSERT INTO sqlite_sequence (name, seq) VALUES ('categories', 100000);
