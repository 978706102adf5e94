-- A copy of what an order needs of catalog's books, so that checkout works while catalog does not.
-- version_number is the source's version, never counted here: a row changes only when it is newer.
CREATE TABLE book_cache (
    book_id        BIGINT NOT NULL PRIMARY KEY,
    title          VARCHAR(300) NOT NULL,
    author_name    VARCHAR(200) NOT NULL,
    current_price  BIGINT NOT NULL CHECK (current_price >= 0),
    currency       CHAR(3) COLLATE utf8mb4_bin NOT NULL DEFAULT 'GBP' CHECK (currency IN ('EUR', 'GBP', 'USD')),
    last_updated   DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
    version_number BIGINT NOT NULL CHECK (version_number > 0),
    source_service VARCHAR(60) NOT NULL DEFAULT 'catalog'
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;
