-- What is sold. Money is in minor units of its currency.
CREATE TABLE books (
    book_id         BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    sku             VARCHAR(40) COLLATE utf8mb4_bin NOT NULL UNIQUE,
    title           VARCHAR(300) NOT NULL,
    author_id       BIGINT NOT NULL,
    category_id     BIGINT NOT NULL,
    first_published SMALLINT NULL,
    price_cents     BIGINT NOT NULL CHECK (price_cents >= 0),
    currency        CHAR(3) COLLATE utf8mb4_bin NOT NULL DEFAULT 'GBP' CHECK (currency IN ('EUR', 'GBP', 'USD')),
    is_active       BOOLEAN NOT NULL DEFAULT TRUE,
    created_at      DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
    updated_at      DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
    CONSTRAINT books_author_fk FOREIGN KEY (author_id) REFERENCES authors (author_id),
    CONSTRAINT books_category_fk FOREIGN KEY (category_id) REFERENCES categories (category_id),
    KEY idx_books_author (author_id),
    KEY idx_books_category (category_id),
    KEY idx_books_title (title)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci AUTO_INCREMENT = 100001;
