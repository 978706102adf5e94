-- Ids up to 100000 are kept for seeds, so that they never meet the shop's own.
CREATE TABLE authors (
    author_id  BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name       VARCHAR(200) NOT NULL UNIQUE,
    -- Before our era: negative. NULL: not known for certain.
    birth_year SMALLINT NULL,
    death_year SMALLINT NULL,
    created_at DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6))
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci AUTO_INCREMENT = 100001;

CREATE TABLE categories (
    category_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    slug        VARCHAR(60) COLLATE utf8mb4_bin NOT NULL UNIQUE,
    name        VARCHAR(100) NOT NULL,
    created_at  DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6))
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci AUTO_INCREMENT = 100001;
