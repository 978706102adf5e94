-- What a file of some years has. Statements are told apart by two semicolons.
PRAGMA journal_mode = WAL;;
CREATE TABLE customers (name TEXT PRIMARY KEY, mail TEXT NOT NULL DEFAULT 'x@y;' CHECK (mail LIKE '%@%')) WITHOUT ROWID;;
CREATE TABLE orders (
  id INTEGER PRIMARY KEY AUTOINCREMENT, -- the key; counted
  customer TEXT NOT NULL REFERENCES customers (name) ON DELETE RESTRICT,
  state TEXT NOT NULL DEFAULT 'open', doubled INTEGER GENERATED ALWAYS AS (id * 2) STORED, "Odd Name" TEXT);;
CREATE TABLE chicken (id INTEGER PRIMARY KEY, egg INTEGER REFERENCES egg (id)) STRICT;;
CREATE TABLE egg (id INTEGER PRIMARY KEY, chicken INTEGER REFERENCES chicken (id)) STRICT;;
CREATE UNIQUE INDEX orders_customer ON orders (lower(customer)) WHERE state <> 'shipped';;
CREATE VIEW open_orders AS SELECT id, customer FROM orders WHERE state = 'open';;
CREATE VIEW a_view_of_a_view AS SELECT customer, count(*) AS n FROM open_orders GROUP BY customer;;
CREATE TRIGGER orders_touched AFTER UPDATE ON orders WHEN OLD.state <> NEW.state BEGIN UPDATE customers SET mail = mail || ';' WHERE name = NEW.customer; DELETE FROM egg WHERE id < 0; END;;
INSERT INTO customers (name) VALUES ('ana');;
INSERT INTO orders (customer) VALUES ('ana');;
