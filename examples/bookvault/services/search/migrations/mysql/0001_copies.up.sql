-- What others published, as far as the question needs it. Written by the sidecar only.
CREATE TABLE order_copy (
    order_id        BIGINT NOT NULL PRIMARY KEY,
    customer_id     BIGINT NOT NULL,
    currency        CHAR(3) COLLATE utf8mb4_bin NOT NULL,
    total_cents     BIGINT NOT NULL,
    items           JSON NOT NULL,
    confirmed_at    DATETIME(6) NOT NULL,
    source_position VARCHAR(80) COLLATE utf8mb4_bin NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

-- A row of each item of an order.
CREATE TABLE order_line_copy (
    order_id        BIGINT NOT NULL,
    line            BIGINT NOT NULL,
    sku             VARCHAR(40) COLLATE utf8mb4_bin NOT NULL,
    quantity        BIGINT NOT NULL,
    price_cents     BIGINT NOT NULL,
    source_position VARCHAR(80) COLLATE utf8mb4_bin NOT NULL,
    PRIMARY KEY (order_id, line)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

CREATE TABLE country_copy (
    customer_id     BIGINT NOT NULL PRIMARY KEY,
    country         CHAR(2) COLLATE utf8mb4_bin NOT NULL,
    source_position VARCHAR(80) COLLATE utf8mb4_bin NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

CREATE TABLE title_copy (
    sku            VARCHAR(40) COLLATE utf8mb4_bin NOT NULL PRIMARY KEY,
    title          VARCHAR(300) NOT NULL,
    version_number BIGINT NOT NULL CHECK (version_number > 0)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;
