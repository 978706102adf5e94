//! Statements and what they touch, written as `access name` in the order of the text; `+` marks
//! what is joined.

use super::*;
use crate::Dialect::{Mariadb, Mysql, Oracle, Postgres, Sqlite, Sqlserver};
use proptest::prelude::*;

fn said(dialect: Dialect, text: &str) -> String {
    let found = uses(dialect, text);
    let mut said: Vec<String> = found
        .tables
        .iter()
        .map(|table| {
            let access = format!("{:?}", table.access).to_lowercase();
            let joined = if table.joined { "+" } else { "" };
            let within = table
                .within
                .as_ref()
                .map(|within| format!("[{within}]"))
                .unwrap_or_default();
            assert!(
                text.is_char_boundary(table.span.start) && text.get(table.span.clone()).is_some()
            );
            format!("{access} {joined}{within}{}", table.name)
        })
        .collect();
    said.extend(found.unresolved.iter().map(|gap| format!("?{:?}", gap.why)));
    said.join(", ")
}

#[track_caller]
fn check(dialect: Dialect, text: &str, expected: &str) {
    assert_eq!(said(dialect, text), expected, "{text}");
}

#[test]
fn lists_joins_and_aliases() {
    check(Postgres, "SELECT * FROM orders", "read orders");
    check(
        Postgres,
        "select o.id from orders o\n join customers.customers c on c.id = o.customer_id",
        "read +orders, read +customers.customers",
    );
    check(
        Postgres,
        "SELECT 1 FROM a x, b AS y, ONLY c",
        "read +a, read +b, read +c",
    );
    check(
        Postgres,
        "SELECT * FROM a JOIN b ON a.x = b.x, c LEFT JOIN d USING (id) WHERE 1 IN (1, 2)",
        "read +a, read +b, read +c, read +d",
    );
    check(
        Postgres,
        "SELECT * FROM (a JOIN b ON true) j, c",
        "read +a, read +b, read +c",
    );
    check(
        Sqlserver,
        "SELECT * FROM [dbo].[Order Lines] ol WITH (NOLOCK) CROSS APPLY dbo.fn(ol.id) f",
        "read +dbo.Order Lines",
    );
    check(
        Sqlserver,
        "SELECT * FROM srv.sales.dbo.orders (NOLOCK), db..t",
        "read +srv.sales.dbo.orders, read +db..t",
    );
    check(
        Mysql,
        "SELECT * FROM `a`.`b` STRAIGHT_JOIN c",
        "read +a.b, read +c",
    );
    check(
        Oracle,
        "SELECT * FROM hr.emp@far e, dual",
        "read +HR.EMP@FAR",
    );
}

#[test]
fn subqueries_and_scopes() {
    check(
        Postgres,
        "WITH orders AS (SELECT * FROM raw.orders) SELECT * FROM orders o JOIN items i ON true; SELECT * FROM orders",
        "read raw.orders, read +items, read orders",
    );
    check(
        Postgres,
        "WITH RECURSIVE t(id) AS (SELECT id FROM c UNION ALL SELECT c.id FROM c, t) SELECT * FROM t",
        "read c, read +c",
    );
    // Without RECURSIVE the name means the table inside of its own query.
    check(
        Postgres,
        "WITH t AS (SELECT * FROM t) SELECT * FROM t",
        "read t",
    );
    check(
        Postgres,
        "SELECT (SELECT max(x) FROM b), EXISTS (SELECT 1 FROM c) FROM a, LATERAL (SELECT * FROM d) q WHERE x IN (SELECT y FROM e)",
        "read b, read c, read +a, read d, read e",
    );
    check(
        Postgres,
        "WITH gone AS (DELETE FROM a RETURNING *) INSERT INTO b SELECT * FROM gone",
        "delete a, insert b",
    );
    check(
        Postgres,
        "SELECT * FROM a UNION SELECT * FROM b EXCEPT (SELECT * FROM c)",
        "read a, read b, read c",
    );
    check(
        Sqlserver,
        "WITH x AS (SELECT 1 a FROM t) SELECT * FROM x SELECT * FROM x",
        "read t, read x",
    );
}

#[test]
fn words_that_only_look_like_tables() {
    check(
        Postgres,
        "SELECT EXTRACT(epoch FROM o.at), trim(both 'x' from name), substring(a from 2) FROM orders o",
        "read orders",
    );
    check(Postgres, "SELECT a IS NOT DISTINCT FROM b FROM t", "read t");
    check(
        Postgres,
        "SELECT * FROM generate_series(1, 3) g, unnest(ARRAY(SELECT x FROM u)) n",
        "read u",
    );
    check(
        Postgres,
        "SELECT 'from customers' -- from authors\n /* join books */ FROM t",
        "read t",
    );
    check(Postgres, "SELECT t.from, t.\"join\" FROM t", "read t");
    check(Postgres, "SELECT * FROM t FOR UPDATE OF t", "read t");
    check(
        Postgres,
        "INSERT INTO t (a) VALUES (1) ON CONFLICT (a) DO UPDATE SET a = 2",
        "insert t",
    );
    check(
        Mysql,
        "INSERT INTO t SET a = 1 ON DUPLICATE KEY UPDATE a = 2",
        "insert t",
    );
    check(
        Postgres,
        "GRANT SELECT, UPDATE (a), REFERENCES ON orders, items TO x",
        "grant orders, grant items",
    );
    check(
        Postgres,
        "GRANT USAGE ON SCHEMA s TO x; REVOKE ALL ON ALL TABLES IN SCHEMA s FROM x",
        "",
    );
    check(Postgres, "FETCH NEXT FROM cur", "");
    check(Mysql, "SELECT REPLACE(a, 'x', 'y') FROM t", "read t");
    check(
        Sqlserver,
        "INSERT INTO @v SELECT * FROM #tmp JOIN inserted i ON 1=1",
        "",
    );
    check(
        Postgres,
        "CREATE TEMP TABLE x AS SELECT * FROM a; SELECT * FROM x",
        "read a",
    );
}

#[test]
fn writes() {
    check(
        Postgres,
        "UPDATE orders o SET total = 1 FROM customers c WHERE c.id = o.c",
        "update orders, read +customers",
    );
    check(
        Sqlserver,
        "UPDATE o SET o.x = 1 FROM orders o JOIN customers c ON 1 = 1",
        "update +orders, read +customers",
    );
    check(
        Sqlserver,
        "UPDATE orders SET x = 1 WHERE y = 2",
        "update orders",
    );
    check(
        Mysql,
        "UPDATE a JOIN b ON a.id = b.id SET b.x = a.x",
        "read +a, update +b",
    );
    check(Mysql, "UPDATE LOW_PRIORITY t SET a = 1", "update t");
    check(
        Postgres,
        "DELETE FROM a USING b WHERE a.x = b.x",
        "delete a, read +b",
    );
    check(
        Mysql,
        "DELETE o FROM orders o JOIN customers c ON 1 = 1",
        "delete +orders, read +customers",
    );
    check(
        Mysql,
        "DELETE FROM a, b USING a JOIN b JOIN c",
        "delete +a, delete +b, read +c",
    );
    check(Oracle, "DELETE orders WHERE id = 1", "delete ORDERS");
    check(
        Postgres,
        "MERGE INTO a USING b ON a.x = b.x WHEN MATCHED THEN UPDATE SET y = 1 WHEN NOT MATCHED THEN INSERT (x) VALUES (1)",
        "merge a, read +b",
    );
    check(
        Oracle,
        "INSERT ALL INTO a (x) VALUES (1) INTO b (x) VALUES (2) SELECT * FROM c",
        "insert A, insert B, read C",
    );
    check(
        Postgres,
        "TRUNCATE a, ONLY b CASCADE",
        "truncate a, truncate b",
    );
    check(
        Postgres,
        "COPY a (x) FROM stdin; COPY b TO '/x'; COPY (SELECT * FROM c) TO stdout",
        "insert a, read b, read c",
    );
    check(
        Sqlserver,
        "SELECT * INTO new FROM old",
        "create new, read old",
    );
    check(Mysql, "LOAD DATA INFILE 'x' INTO TABLE t", "insert t");
    check(Sqlite, "INSERT OR REPLACE INTO t VALUES (1)", "insert t");
    check(Mariadb, "REPLACE INTO t VALUES (1)", "insert t");
}

#[test]
fn definitions() {
    check(
        Postgres,
        "CREATE TABLE a (id int REFERENCES b (id), c int, FOREIGN KEY (c) REFERENCES s.d)",
        "create a, reference b, reference s.d",
    );
    check(
        Postgres,
        "ALTER TABLE ONLY a ADD CONSTRAINT f FOREIGN KEY (x) REFERENCES b(id) ON DELETE CASCADE",
        "alter a, reference b",
    );
    check(
        Postgres,
        "CREATE OR REPLACE VIEW v AS SELECT * FROM a JOIN b ON true",
        "create v, read +a, read +b",
    );
    check(
        Postgres,
        "CREATE INDEX CONCURRENTLY i ON t (x); DROP TABLE IF EXISTS a, b",
        "alter t, drop a, drop b",
    );
    check(
        Postgres,
        "CREATE TRIGGER x AFTER INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f()",
        "alter t",
    );
    check(
        Postgres,
        "CREATE POLICY p ON t USING (EXISTS (SELECT 1 FROM u))",
        "alter t, read u",
    );
    check(
        Mysql,
        "LOCK TABLES a READ, b AS x WRITE; RENAME TABLE a TO b, c TO d",
        "lock a, lock b, alter a, alter c",
    );
    check(
        Postgres,
        "COMMENT ON TABLE a IS 'x'; COMMENT ON COLUMN s.b.c IS 'y'",
        "alter a, alter s.b",
    );
    check(
        Mysql,
        "CREATE DEFINER=`root`@`localhost` SQL SECURITY DEFINER VIEW v AS SELECT 1 FROM t",
        "create v, read t",
    );
    check(
        Sqlite,
        "ALTER TABLE a RENAME TO b; ALTER TABLE c RENAME COLUMN x TO y",
        "alter a, create b, alter c",
    );
    check(
        Sqlserver,
        "CREATE TABLE [#own] (x INT) SELECT * FROM [#own]",
        "",
    );
    let found = uses(Postgres, "CREATE VIEW s.v AS SELECT * FROM a");
    assert_eq!(found.containers[0].kind, ContainerKind::View);
    assert_eq!(found.containers[0].name.to_string(), "s.v");
    assert_eq!(found.tables[1].container, Some(0));
}

#[test]
fn bodies_and_dynamic_sql() {
    check(
        Postgres,
        "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ DECLARE n int; BEGIN SELECT count(*) INTO n FROM a; UPDATE b SET x = n; PERFORM 1 FROM c; EXECUTE 'DELETE FROM d'; RETURN n; END $$; SELECT * FROM e",
        "read a, update b, read c, delete d, read e",
    );
    check(
        Postgres,
        "DO $x$ BEGIN INSERT INTO a SELECT * FROM b; END $x$",
        "insert a, read b",
    );
    check(
        Sqlserver,
        "CREATE PROCEDURE p AS BEGIN SELECT * FROM a UPDATE b SET x = 1 DELETE FROM c END",
        "read a, update b, delete c",
    );
    check(
        Mysql,
        "CREATE TRIGGER t BEFORE UPDATE ON a FOR EACH ROW BEGIN INSERT INTO b VALUES (1); DELETE FROM c; END",
        "alter a, insert b, delete c",
    );
    check(Sqlserver, "EXEC sp_executesql N'SELECT * FROM a'", "read a");
    check(
        Oracle,
        "BEGIN EXECUTE IMMEDIATE 'TRUNCATE TABLE a'; SELECT x INTO v FROM b; END;",
        "truncate A, read B",
    );
    let found = uses(Postgres, "CREATE FUNCTION f() AS $$ SELECT 1 FROM a $$");
    assert_eq!(found.tables[0].container, Some(0));
    assert_eq!(
        &"CREATE FUNCTION f() AS $$ SELECT 1 FROM a $$"[found.tables[0].span.clone()],
        "a"
    );
}

#[test]
fn attributes_of_an_alias_are_no_tables() {
    check(
        Postgres,
        "SELECT o FROM Order o JOIN o.customer c LEFT JOIN FETCH o.items",
        "read +order",
    );
    check(
        Postgres,
        "SELECT * FROM t x, unnest(x.tags) g, x.more",
        "read +t",
    );
}

#[test]
fn defaults_are_followed() {
    check(
        Mysql,
        "USE shop; SELECT * FROM a, crm.b",
        "read +[shop]a, read +crm.b",
    );
    check(
        Postgres,
        "SET search_path TO crm, public; DELETE FROM a",
        "delete [crm]a",
    );
}

#[test]
fn what_is_cut_or_holed_is_said() {
    check(
        Postgres,
        "SELECT * FROM \u{E000} JOIN b ON true",
        "read +b, ?Hole",
    );
    check(Postgres, "SELECT * FROM m_\u{E000}", "?Hole");
    check(Postgres, "SELECT * FROM \u{E000}.orders", "read .orders");
    check(Postgres, "SELECT * FROM %s WHERE x = %s", "?Hole");
    check(
        Postgres,
        "SELECT * FROM {table} t JOIN {schema}.orders o ON 1=1",
        "read +.orders, ?Hole",
    );
    check(Postgres, "SELECT * FROM ", "?Cut");
    check(Postgres, "join ( select x from a ) q on true", "read a");
    check(
        Postgres,
        " LEFT JOIN customers c ON c.id = o.id",
        "read +customers",
    );
    check(
        Postgres,
        "SELECT * FROM a WHERE x = ? AND y IN (:ids) AND z = #{z} AND q = @p",
        "read a",
    );
    assert!(uses(Postgres, "SELECT * FROM a WHERE (x = 'it").recovered);
}

#[test]
fn depth_has_an_end() {
    let deep = format!(
        "SELECT * FROM {}a{}",
        "(".repeat(50_000),
        ")".repeat(50_000)
    );
    assert!(uses(Postgres, &deep).recovered);
    let deep = format!("SELECT {}a", "(".repeat(50_000));
    assert!(uses(Postgres, &deep).recovered);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// No text stops the reader, and each span is a piece of it.
    #[test]
    fn any_text_is_read(words in prop::collection::vec(prop::sample::select(vec![
        "SELECT", "FROM", "JOIN", "(", ")", ",", ";", "WITH", "AS", "a", "b.c", "'", "\"", "$$", "INSERT",
        "INTO", "UPDATE", "SET", "=", "DELETE", "USING", "MERGE", "CREATE", "TABLE", "VIEW", "ON",
        "REFERENCES", "GRANT", "TO", "ALTER", "DROP", ".", "@", "#", "\u{E000}", "é", "[", "]", "`",
        "{", "}", "%", ":", "TOP", "COMMENT", "COLUMN", "EXEC", "LOCK", "INDEX", "*", "TRUNCATE",
    ]), 0..40), joint in prop::sample::select(vec!["", " "])) {
        let text = words.join(joint);
        for dialect in Dialect::ALL {
            for table in uses(dialect, &text).tables {
                prop_assert!(text.get(table.span).is_some_and(|name| !name.is_empty()));
            }
        }
    }
}

#[test]
fn rules_publications_and_upkeep() {
    check(
        Postgres,
        "CREATE RULE r AS ON DELETE TO v DO INSTEAD DELETE FROM t WHERE a = OLD.a",
        "alter v, delete t",
    );
    check(
        Postgres,
        "ALTER PUBLICATION p ADD TABLE ONLY a (x), b WHERE (c > 1), TABLES IN SCHEMA s",
        "read a, read b",
    );
    check(
        Postgres,
        "VACUUM (FULL) a; ANALYZE b (x); REFRESH MATERIALIZED VIEW c; REINDEX TABLE d; LOCK e",
        "lock a, lock b, lock c, lock d, lock e",
    );
    check(Postgres, "EXPLAIN (ANALYZE) TABLE a", "");
    check(Postgres, "TABLE a", "read a");
    check(Postgres, "SELECT 1 FROM ROWS FROM (f(1), g(2)) AS x", "");
    check(
        Postgres,
        "CREATE STATISTICS s ON a, b FROM t; COMMENT ON CONSTRAINT c ON u IS 'x'",
        "alter t, alter u",
    );
    check(
        Postgres,
        "ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT SELECT ON TABLES TO r; IMPORT FOREIGN SCHEMA s FROM SERVER x INTO y",
        "",
    );
    check(
        Postgres,
        "CREATE TABLE a (LIKE b INCLUDING ALL, x int, LIKE c)",
        "create a, reference b, reference c",
    );
    check(
        Postgres,
        "CREATE TEMP TABLE a (x int) ON COMMIT DELETE ROWS",
        "",
    );
    check(
        Postgres,
        "WITH RECURSIVE x AS (SELECT 1 FROM y), y AS (SELECT 2 FROM t) SELECT * FROM x",
        "read t",
    );
    check(
        Postgres,
        "DELETE FROM a USING b JOIN c USING (id) WHERE a.x = b.x",
        "delete a, read +b, read +c",
    );
}

#[test]
fn what_only_one_dialect_says() {
    check(
        Mysql,
        "SELECT STRAIGHT_JOIN t.a FROM t USE INDEX FOR JOIN (i) JOIN u",
        "read +t, read +u",
    );
    check(
        Mysql,
        "INSERT INTO a SELECT * FROM b ON DUPLICATE KEY UPDATE x = 1, y = 2",
        "insert a, read b",
    );
    check(
        Mysql,
        "ALTER TABLE a DROP INDEX i, ADD FOREIGN KEY (x) REFERENCES b (x) ON DELETE CASCADE",
        "alter a, reference b",
    );
    check(
        Mysql,
        "CREATE TABLE a (x int) ENGINE=Merge CHARSET=utf8",
        "create a",
    );
    check(
        Mysql,
        "ALTER TABLE a RENAME b; DESC c",
        "alter a, create b, read c",
    );
    check(
        Mysql,
        "CREATE DEFINER=definer@localhost SQL SECURITY INVOKER VIEW v AS SELECT * FROM t",
        "create v, read t",
    );
    check(
        Mysql,
        "SELECT * FROM ((SELECT * FROM a) AS x JOIN b ON x.i = b.i)",
        "read a, read +b",
    );
    check(
        Sqlserver,
        "SELECT * FROM t FOR XML PATH, ELEMENTS; SELECT * FROM u FOR SYSTEM_TIME FROM @a TO @b",
        "read t, read u",
    );
    check(
        Sqlserver,
        "CREATE TABLE t (a int) WITH (SYSTEM_VERSIONING = ON (HISTORY_TABLE = dbo.h)); DROP TRIGGER x ON DATABASE",
        "create t, reference dbo.h",
    );
    check(
        Oracle,
        "CREATE GLOBAL TEMPORARY TABLE g (a int); SELECT * FROM emp@hq.acme.com",
        "create G, read EMP@HQ.ACME.COM",
    );
}

#[test]
fn a_prefix_that_is_not_known_leaves_the_name() {
    check(
        Mysql,
        "SELECT * FROM \u{E000}orders o JOIN \u{E000}_x",
        "read orders, ?Hole",
    );
}

#[test]
fn foreign_keys_are_told_apart() {
    let found = uses(
        Postgres,
        "CREATE TABLE a (x int REFERENCES p, y numeric(1, 2) CONSTRAINT c REFERENCES q (i), \
         CONSTRAINT d FOREIGN KEY (y, z) REFERENCES r (y, z), FOREIGN KEY (w) REFERENCES s);\
         ALTER TABLE a ADD COLUMN v int REFERENCES t, DROP CONSTRAINT d, DROP COLUMN IF EXISTS x, DROP y;",
    );
    let keys: Vec<String> = found
        .tables
        .iter()
        .filter_map(|table| table.key.as_ref().map(|key| (table, key)))
        .map(|(table, key)| {
            let constraint = key.constraint.as_deref().unwrap_or("-");
            format!("{} {constraint} {}", table.name, key.columns.join("+"))
        })
        .collect();
    assert_eq!(keys, ["p - x", "q c y", "r d y+z", "s - w", "t - v"]);
    let dropped: Vec<String> = found
        .dropped
        .iter()
        .map(|own| format!("{} {} {}", own.table, own.name, own.column))
        .collect();
    assert_eq!(dropped, ["a d false", "a x true", "a y true"]);
}

#[test]
fn stars_take_whole_tables() {
    let whole = |text: &str| {
        let found = uses(Postgres, text);
        let names: Vec<String> = found
            .tables
            .iter()
            .filter(|table| table.whole)
            .map(|table| table.name.to_string())
            .collect();
        names.join(" ")
    };
    assert_eq!(whole("SELECT * FROM a JOIN b ON true"), "a b");
    assert_eq!(
        whole("SELECT o.*, 2 * 3 FROM a o JOIN b ON true UNION SELECT x * 2 FROM c"),
        "a"
    );
    assert_eq!(
        whole("SELECT count(*) FROM a WHERE EXISTS (SELECT * FROM b)"),
        "b"
    );
}
