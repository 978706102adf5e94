-- What a database of some years has. Statements are told apart by two semicolons.
CREATE SEQUENCE ticket START WITH 100 INCREMENT BY 5;;
CREATE TABLE customers (name varchar(40) PRIMARY KEY, mail varchar(80) NOT NULL DEFAULT 'x@y' COMMENT 'It''s; AUTO_INCREMENT=7', CHECK (mail LIKE '%@%')) COMMENT 'who; buys';;
CREATE TABLE chicken (id int PRIMARY KEY, egg int, KEY (egg));;
CREATE TABLE egg (id int PRIMARY KEY, chicken int, CONSTRAINT egg_chicken FOREIGN KEY (chicken) REFERENCES chicken (id) ON DELETE SET NULL);;
ALTER TABLE chicken ADD CONSTRAINT chicken_egg FOREIGN KEY (egg) REFERENCES egg (id);;
CREATE TABLE orders (id bigint AUTO_INCREMENT PRIMARY KEY, customer varchar(40) NOT NULL, state enum('open', 'it''s paid') NOT NULL DEFAULT 'open',
  total decimal(10, 2), doubled decimal(12, 2) GENERATED ALWAYS AS (total * 2) STORED, made timestamp NOT NULL DEFAULT current_timestamp() ON UPDATE current_timestamp(),
  `Odd Name` json, KEY by_customer (customer, state), FULLTEXT KEY (customer), CONSTRAINT orders_customer FOREIGN KEY (customer) REFERENCES customers (name) ON DELETE RESTRICT);;
CREATE TABLE events (id bigint NOT NULL, at date NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (year(at)) (PARTITION p0 VALUES LESS THAN (2025), PARTITION p1 VALUES LESS THAN MAXVALUE);;
CREATE VIEW z_open AS SELECT id, customer FROM orders WHERE state = 'open';;
CREATE VIEW a_of_z AS SELECT customer, count(*) AS n FROM z_open GROUP BY customer;;
CREATE FUNCTION twice(n int) RETURNS int DETERMINISTIC BEGIN DECLARE m int DEFAULT 2; IF n > 0 THEN SET m = 2; END IF; RETURN n * m; END;;
CREATE PROCEDURE tidy(IN days int) BEGIN DECLARE done int DEFAULT 0; WHILE done < days DO SET done = done + 1; END WHILE; DELETE FROM egg WHERE id < 0; END;;
CREATE TRIGGER orders_check BEFORE INSERT ON orders FOR EACH ROW BEGIN IF NEW.total < 0 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no; less'; END IF; SET NEW.total = twice(NEW.total) / 2; END;;
CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 03:00:00' DISABLE DO CALL tidy(1);;
INSERT INTO customers (name) VALUES ('ana');;
INSERT INTO orders (customer, total) VALUES ('ana', 3);;
