-- What a database of some years has. Statements are told apart by two semicolons.
CREATE TYPE order_state AS ENUM ('open', 'it''s paid', 'shipped');;
CREATE DOMAIN email AS text DEFAULT 'x@y' NOT NULL CONSTRAINT email_at CHECK (VALUE LIKE '%@%');;
CREATE TYPE span AS (from_day date, "To Day" date);;
CREATE TYPE float_range AS RANGE (SUBTYPE = float8);;
CREATE SEQUENCE ticket START 100 INCREMENT 5 CACHE 3;;
CREATE FUNCTION total(n int) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT n * 2; $$;;
CREATE TABLE customers (name text PRIMARY KEY, mail email, during span, height float_range);;
CREATE TABLE orders (
  id bigserial PRIMARY KEY, customer text NOT NULL, state order_state NOT NULL DEFAULT 'open', ticket bigint DEFAULT nextval('ticket'),
  doubled int GENERATED ALWAYS AS (total(3)) STORED, tags text[] DEFAULT '{}', "Odd Name" varchar(10) COLLATE "C" DEFAULT E'a\\b;c',
  made timestamptz NOT NULL DEFAULT now(), CONSTRAINT tickets_are_unique UNIQUE (ticket) DEFERRABLE INITIALLY DEFERRED, CHECK (total(1) > 0));;
CREATE TABLE items (id int GENERATED ALWAYS AS IDENTITY (START 7), order_id bigint REFERENCES orders (id) ON DELETE RESTRICT, what text, PRIMARY KEY (id)) WITH (fillfactor = 70);;
CREATE TABLE chicken (id int PRIMARY KEY, egg int);;
CREATE TABLE egg (id int PRIMARY KEY, chicken int REFERENCES chicken);;
ALTER TABLE chicken ADD FOREIGN KEY (egg) REFERENCES egg;;
ALTER TABLE items ADD CONSTRAINT later CHECK (what <> '') NOT VALID;;
CREATE TABLE events (id bigint, at date NOT NULL) PARTITION BY RANGE (at);;
CREATE TABLE events_2025 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');;
CREATE INDEX events_at ON events (at);;
CREATE UNLOGGED TABLE cache (k text, v jsonb);;
CREATE TABLE orders_old (archived date) INHERITS (customers);;
CREATE INDEX orders_customer ON orders (lower(customer)) WHERE state <> 'shipped';;
CREATE UNIQUE INDEX items_what ON items USING btree (what DESC NULLS LAST) INCLUDE (order_id);;
CREATE VIEW open_orders AS SELECT id, customer FROM orders WHERE state = 'open';;
CREATE VIEW a_view_of_a_view WITH (security_barrier) AS SELECT customer, total(id::int) AS n FROM open_orders GROUP BY customer, id;;
CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM a_view_of_a_view;;
CREATE FUNCTION of_row(o orders) RETURNS text LANGUAGE sql STABLE RETURN o.customer;;
CREATE FUNCTION touched() RETURNS trigger LANGUAGE plpgsql AS $body$ BEGIN NEW.made := now(); RETURN NEW; END; $body$;;
CREATE PROCEDURE tidy(days int DEFAULT 30) LANGUAGE plpgsql AS $_$ BEGIN DELETE FROM cache; END $_$;;
CREATE TRIGGER orders_touched BEFORE UPDATE ON orders FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION touched();;
CREATE TRIGGER off BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION touched();;
ALTER TABLE orders DISABLE TRIGGER off;;
CREATE RULE no_delete AS ON DELETE TO customers DO INSTEAD NOTHING;;
CREATE STATISTICS orders_stats (dependencies) ON customer, state FROM orders;;
ALTER TABLE customers ENABLE ROW LEVEL SECURITY;;
CREATE POLICY everybody ON customers FOR SELECT USING (name <> '');;
ALTER TABLE cache REPLICA IDENTITY FULL;;
COMMENT ON TABLE orders IS 'It''s; the "orders"';;
COMMENT ON COLUMN orders.state IS 'where it is';;
COMMENT ON FUNCTION total(int) IS 'twice';;
INSERT INTO customers (name, mail) VALUES ('ana', 'a@b');;
INSERT INTO orders (customer) VALUES ('ana');;
