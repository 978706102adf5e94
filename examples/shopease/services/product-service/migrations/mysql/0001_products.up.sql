-- What is sold. Ids up to 1000 are kept for seeds, so that they never meet the shop's own.
CREATE TABLE categories (
    category_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    slug        VARCHAR(60) COLLATE utf8mb4_bin NOT NULL UNIQUE,
    name        VARCHAR(100) NOT NULL,
    created_at  DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6))
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci AUTO_INCREMENT = 1001;

CREATE TABLE products (
    product_id  BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    sku         VARCHAR(40) COLLATE utf8mb4_bin NOT NULL UNIQUE,
    name        VARCHAR(200) NOT NULL,
    description VARCHAR(2000) NOT NULL DEFAULT '',
    price_cents BIGINT NOT NULL CHECK (price_cents >= 0),
    currency    CHAR(3) COLLATE utf8mb4_bin NOT NULL DEFAULT 'GBP' CHECK (char_length(currency) = 3),
    -- Size, colour, unit: what only some products have.
    attributes  JSON NOT NULL DEFAULT (JSON_OBJECT()),
    is_active   BOOLEAN NOT NULL DEFAULT TRUE,
    created_at  DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
    updated_at  DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6))
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci AUTO_INCREMENT = 1001;

CREATE TABLE product_categories (
    product_id  BIGINT NOT NULL,
    category_id BIGINT NOT NULL,
    PRIMARY KEY (product_id, category_id),
    CONSTRAINT product_categories_product_fk FOREIGN KEY (product_id) REFERENCES products (product_id) ON DELETE CASCADE,
    CONSTRAINT product_categories_category_fk FOREIGN KEY (category_id) REFERENCES categories (category_id),
    KEY idx_product_categories_category (category_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;
