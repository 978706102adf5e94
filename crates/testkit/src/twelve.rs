//! A migration of twelve statements for MySQL and MariaDB, where each commits for itself: tables,
//! data, renames, a trigger and a procedure with bodies of several lines. None of its data
//! statements may run twice, and most of its definitions cannot.

/// How many statements it has.
pub const STATEMENTS: usize = 12;

/// Its text.
pub const TWELVE: &str = "\
CREATE TABLE carts (id BIGINT AUTO_INCREMENT PRIMARY KEY, n INT NOT NULL);
INSERT INTO carts (n) VALUES (1), (2), (3);
ALTER TABLE carts ADD COLUMN note VARCHAR(20) NOT NULL DEFAULT '';
UPDATE carts SET n = n + 10;
CREATE TABLE cart_log (n INT NOT NULL);
RENAME TABLE carts TO baskets, cart_log TO basket_log;
CREATE TRIGGER log_basket AFTER INSERT ON baskets FOR EACH ROW
BEGIN
  -- A body with a semicolon; and with ends.
  IF NEW.n > 50 THEN
    INSERT INTO basket_log (n) VALUES (NEW.n);
  END IF;
END;
INSERT INTO baskets (n, note) VALUES (100, 'it''s; one');
CREATE PROCEDURE empty_baskets()
  SQL SECURITY INVOKER
BEGIN
  DECLARE kept INT DEFAULT 0;
  SELECT COUNT(*) INTO kept FROM baskets;
  DELETE FROM baskets WHERE n < kept;
END;
CREATE INDEX idx_baskets_n ON baskets (n);
DELETE FROM baskets WHERE n = 12;
CREATE VIEW big_baskets AS SELECT id, n FROM baskets WHERE n > 50;
";

/// What its tables hold when each statement ran once: a query, and its one row.
pub const RESULT: (&str, [i64; 3]) = (
    "SELECT (SELECT COUNT(*) FROM baskets), (SELECT CAST(SUM(n) AS SIGNED) FROM baskets), (SELECT COUNT(*) FROM basket_log)",
    [3, 124, 1],
);
