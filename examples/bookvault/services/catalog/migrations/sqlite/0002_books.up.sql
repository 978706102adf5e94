-- What is sold. Money is in minor units of its currency.
CREATE TABLE books (
    book_id         INTEGER PRIMARY KEY AUTOINCREMENT,
    sku             TEXT NOT NULL UNIQUE,
    title           TEXT NOT NULL,
    author_id       INTEGER NOT NULL,
    category_id     INTEGER NOT NULL,
    first_published INTEGER,
    price_cents     INTEGER NOT NULL CHECK (price_cents >= 0),
    currency        TEXT NOT NULL DEFAULT 'GBP' CHECK (currency IN ('EUR', 'GBP', 'USD')),
    is_active       INTEGER NOT NULL DEFAULT TRUE CHECK (is_active IN (0, 1)),
    created_at      TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    updated_at      TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    CONSTRAINT books_author_fk FOREIGN KEY (author_id) REFERENCES authors (author_id),
    CONSTRAINT books_category_fk FOREIGN KEY (category_id) REFERENCES categories (category_id)
) STRICT;

CREATE INDEX idx_books_author ON books (author_id);
CREATE INDEX idx_books_category ON books (category_id);
CREATE INDEX idx_books_title ON books (title);

INSERT INTO sqlite_sequence (name, seq) VALUES ('books', 100000);
