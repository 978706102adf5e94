-- A copy of what an order needs of catalog's books, so that checkout works while catalog does not.
-- version_number is the source's version, never counted here: a row changes only when it is newer.
CREATE TABLE book_cache (
    book_id        INTEGER PRIMARY KEY,
    title          TEXT NOT NULL,
    author_name    TEXT NOT NULL,
    current_price  INTEGER NOT NULL CHECK (current_price >= 0),
    currency       TEXT NOT NULL DEFAULT 'GBP' CHECK (currency IN ('EUR', 'GBP', 'USD')),
    last_updated   TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    version_number INTEGER NOT NULL CHECK (version_number > 0),
    source_service TEXT NOT NULL DEFAULT 'catalog'
) STRICT;
