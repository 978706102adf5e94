//! Facts, dialect by dialect.

use super::{Action, Facts, Hole, Kind, facts};
use crate::Dialect::{self, Mariadb, Mysql, Oracle, Postgres, Sqlite, Sqlserver};
use crate::TableName;

const MYSQLS: &[Dialect] = &[Mysql, Mariadb];

#[test]
fn kinds() {
    let all: &[Dialect] = &Dialect::ALL;
    let pg = &[Postgres];
    let cases: &[(&[Dialect], Kind, &[&str])] = &[
        (
            all,
            Kind::Ddl,
            &[
                "CREATE TABLE t (a int)",
                "alter table t add b int",
                "DROP VIEW v",
                "TRUNCATE t",
                "/* c */ CREATE INDEX i ON t (a)",
                "CREATE RULE_LIKE x",
            ],
        ),
        (
            all,
            Kind::Dml,
            &[
                "INSERT INTO t VALUES (1)",
                "UPDATE t SET a = 1",
                "DELETE FROM t",
                "MERGE INTO t USING s",
                "WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x",
                "EXPLAIN ANALYZE DELETE FROM t",
            ],
        ),
        (
            all,
            Kind::Query,
            &[
                "SELECT 1",
                "(SELECT 1) UNION (SELECT 2)",
                "VALUES (1)",
                "EXPLAIN DELETE FROM t",
                "WITH x (a) AS (SELECT 1) SELECT * FROM x",
                "EXPLAIN ANALYZE SELECT 1",
                "SELECT 'INSERT INTO t' FROM t FOR UPDATE",
            ],
        ),
        (
            all,
            Kind::Transaction,
            &[
                "COMMIT",
                "ROLLBACK TO s",
                "SAVEPOINT s",
                "START TRANSACTION",
            ],
        ),
        (
            &[Postgres, Mysql, Mariadb, Sqlite],
            Kind::Transaction,
            &["BEGIN"],
        ),
        (
            pg,
            Kind::Transaction,
            &["END", "PREPARE TRANSACTION 'x'", "ABORT"],
        ),
        (
            &[Sqlserver],
            Kind::Transaction,
            &["BEGIN TRAN", "SELECT 1; COMMIT"],
        ),
        (&[Oracle, Sqlserver], Kind::Other, &["BEGIN x(); END"]),
        (&[Mariadb], Kind::Other, &["BEGIN NOT ATOMIC SELECT 1; END"]),
        (all, Kind::Session, &["SET x = 1", "USE d"]),
        (
            &[Sqlite],
            Kind::Session,
            &["PRAGMA foreign_keys = on", "ATTACH 'x' AS y"],
        ),
        (&[Oracle], Kind::Session, &["ALTER SESSION SET x = 1"]),
        (
            all,
            Kind::Grant,
            &[
                "GRANT SELECT ON t TO x",
                "REVOKE ALL ON t FROM x",
                "CREATE ROLE x",
                "DROP USER x",
                "ALTER USER x",
                "CREATE OR REPLACE USER x",
            ],
        ),
        (
            pg,
            Kind::Grant,
            &[
                "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO x",
                "REASSIGN OWNED BY a TO b",
                "DROP OWNED BY a",
            ],
        ),
        (MYSQLS, Kind::Grant, &["SET PASSWORD FOR x = 'y'"]),
        (
            pg,
            Kind::Ddl,
            &[
                "SELECT a INTO t FROM s",
                "CREATE USER MAPPING FOR a SERVER b",
            ],
        ),
        (MYSQLS, Kind::Query, &["SELECT a INTO @x FROM t"]),
        (&[Mariadb], Kind::Dml, &["ANALYZE UPDATE t SET a = 1"]),
        (
            pg,
            Kind::Dml,
            &[
                "WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x",
                "EXPLAIN (VERBOSE, ANALYZE) INSERT INTO t VALUES (1)",
            ],
        ),
        (
            all,
            Kind::Other,
            &["CALL p()", "ANALYZE TABLE t", "blah", "", "'text'"],
        ),
        (
            pg,
            Kind::Other,
            &["DO $$ BEGIN DELETE FROM t; END $$", "VACUUM t", "ANALYZE t"],
        ),
        (
            MYSQLS,
            Kind::Ddl,
            &["/*!50001 CREATE TABLE t (a INT) */", "RENAME TABLE a TO b"],
        ),
    ];
    for (dialects, kind, texts) in cases {
        for dialect in *dialects {
            for text in *texts {
                assert_eq!(facts(*dialect, text).kind, *kind, "{dialect}: {text}");
            }
        }
    }
}

fn shown(names: &[TableName]) -> String {
    names
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(" ")
}

fn renames(facts: &Facts) -> String {
    let shown: Vec<_> = facts
        .renames
        .iter()
        .map(|(from, to)| format!("{from}>{to}"))
        .collect();
    shown.join(" ")
}

#[test]
fn tables_created() {
    let cases = [
        (
            Postgres,
            "CREATE TABLE IF NOT EXISTS App.\"Or\"\"ders\" (a int)",
            "app.Or\"ders",
        ),
        (
            Postgres,
            "CREATE UNLOGGED TABLE Orders AS SELECT 1",
            "orders",
        ),
        (Postgres, "CREATE TABLE U&\"\\0061\\+000062c\" ()", "abc"),
        (Postgres, "CREATE TEMP TABLE t (a int)", ""),
        (
            Postgres,
            "CREATE SCHEMA s AUTHORIZATION x CREATE TABLE a (b int) CREATE VIEW v AS SELECT 1 CREATE TABLE c ()",
            "s.a s.c",
        ),
        (Postgres, "SELECT a INTO UNLOGGED New FROM t", "new"),
        (Postgres, "WITH x AS (SELECT 1) SELECT * INTO n FROM x", "n"),
        (Postgres, "SELECT a INTO TEMP n FROM t", ""),
        (
            Postgres,
            "CREATE RULE r AS ON INSERT TO t DO INSTEAD INSERT INTO y VALUES (1)",
            "",
        ),
        (Postgres, "CREATE VIEW v AS SELECT 1", ""),
        (Mysql, "CREATE TABLE `A`.`b` LIKE c", "A.b"),
        (Mysql, "CREATE TABLE \"b\" (a INT)", "b"),
        (Mariadb, "CREATE OR REPLACE TABLE 1a (a INT)", "1a"),
        (Mariadb, "CREATE TEMPORARY TABLE a (a INT)", ""),
        (
            Sqlite,
            "CREATE VIRTUAL TABLE [Book search] USING fts5(title)",
            "Book search",
        ),
        (Sqlite, "CREATE TABLE temp.x (a)", ""),
        (Sqlite, "CREATE TABLE main.'x' (a)", "main.x"),
        (
            Sqlserver,
            "CREATE TABLE db..[t] (a int); CREATE TABLE #x (a int); SELECT 1 a INTO u",
            "db.t u",
        ),
        (
            Sqlserver,
            "CREATE PROCEDURE p AS CREATE TABLE t (a int)",
            "",
        ),
        (
            Oracle,
            "CREATE GLOBAL TEMPORARY TABLE s.orders (a NUMBER)",
            "S.ORDERS",
        ),
        (
            Oracle,
            "CREATE PRIVATE TEMPORARY TABLE ora$ptt_x (a NUMBER)",
            "",
        ),
    ];
    for (dialect, text, expect) in cases {
        assert_eq!(
            shown(&facts(dialect, text).creates),
            expect,
            "{dialect}: {text}"
        );
    }
}

#[test]
fn tables_dropped_and_renamed() {
    let dropped = [
        (Postgres, "DROP TABLE IF EXISTS a, s.B CASCADE", "a s.b"),
        (Postgres, "DROP VIEW v", ""),
        (Mysql, "DROP TABLES a, b", "a b"),
        (Mysql, "DROP TEMPORARY TABLE a", ""),
        (Oracle, "DROP TABLE a PURGE", "A"),
    ];
    for (dialect, text, expect) in dropped {
        assert_eq!(
            shown(&facts(dialect, text).drops),
            expect,
            "{dialect}: {text}"
        );
    }
    let renamed = [
        (
            Postgres,
            "ALTER TABLE IF EXISTS ONLY s.a RENAME TO b",
            "s.a>s.b",
        ),
        (Postgres, "ALTER TABLE a RENAME COLUMN x TO y", ""),
        (Postgres, "ALTER TABLE a RENAME x TO y", ""),
        (Postgres, "ALTER TABLE s.a SET SCHEMA t", "s.a>t.a"),
        (Mysql, "ALTER TABLE s.a ADD b INT, RENAME AS c", "s.a>c"),
        (Mysql, "ALTER TABLE a RENAME c", "a>c"),
        (
            Mysql,
            "ALTER TABLE a RENAME COLUMN b TO c, RENAME KEY d TO e",
            "",
        ),
        (Mysql, "RENAME TABLE a TO b, c.d TO e.f", "a>b c.d>e.f"),
        (Mariadb, "RENAME TABLE IF EXISTS a WAIT 3 TO b", "a>b"),
        (Mysql, "RENAME USER a TO b", ""),
        (Sqlite, "ALTER TABLE a RENAME TO b", "a>b"),
        (Sqlserver, "EXEC sp_rename N'dbo.a', 'b'", "dbo.a>dbo.b"),
        (Sqlserver, "EXEC sp_rename 'dbo.a.x', 'y', 'COLUMN'", ""),
        (
            Sqlserver,
            "ALTER SCHEMA s TRANSFER OBJECT::dbo.a",
            "dbo.a>s.a",
        ),
        (Oracle, "RENAME a TO b", "A>B"),
    ];
    for (dialect, text, expect) in renamed {
        assert_eq!(renames(&facts(dialect, text)), expect, "{dialect}: {text}");
    }
}

#[test]
fn foreign_keys() {
    let keys = |dialect, text| -> Vec<String> {
        let facts = facts(dialect, text);
        let shown = |key: &super::ForeignKey| {
            let columns = key.columns.join(",");
            format!(
                "{}({columns})>{} {:?} {:?}",
                key.table, key.references, key.on_delete, key.on_update
            )
        };
        facts.foreign_keys.iter().map(shown).collect()
    };
    let create = "CREATE TABLE s.t (a int PRIMARY KEY REFERENCES x ON DELETE CASCADE,\n\
         b numeric(1,2) CHECK (b > 0) REFERENCES y.z (id) MATCH FULL ON UPDATE SET NULL ON DELETE RESTRICT,\n\
         c int, CONSTRAINT k FOREIGN KEY (b, c) REFERENCES \"W\" (d, e) ON DELETE SET NULL (c) ON UPDATE NO ACTION,\n\
         CHECK (c > 1))";
    assert_eq!(
        keys(Postgres, create),
        [
            "s.t(a)>x Cascade NoAction",
            "s.t(b)>y.z Restrict SetNull",
            "s.t(b,c)>W SetNull NoAction",
        ]
    );
    let one = [
        (
            Postgres,
            "ALTER TABLE ONLY t ADD CONSTRAINT k FOREIGN KEY (a) REFERENCES u NOT VALID",
            "t(a)>u NoAction NoAction",
        ),
        (
            Postgres,
            "ALTER TABLE t ADD COLUMN IF NOT EXISTS a int REFERENCES u ON DELETE SET DEFAULT",
            "t(a)>u SetDefault NoAction",
        ),
        (
            Postgres,
            "ALTER TABLE t DROP b, ADD a int REFERENCES u",
            "t(a)>u NoAction NoAction",
        ),
        (
            Mysql,
            "ALTER TABLE t ADD FOREIGN KEY `i` (`a`) REFERENCES `u` (`b`) ON DELETE CASCADE",
            "t(a)>u Cascade NoAction",
        ),
        (
            Mysql,
            "ALTER TABLE t ADD (a INT, b INT REFERENCES u (c))",
            "t(b)>u NoAction NoAction",
        ),
        (
            Mysql,
            "ALTER TABLE t CHANGE COLUMN a b INT REFERENCES u (c)",
            "t(b)>u NoAction NoAction",
        ),
        (
            Sqlite,
            "CREATE TABLE t (a REFERENCES u ON DELETE CASCADE DEFERRABLE)",
            "t(a)>u Cascade NoAction",
        ),
        (
            Sqlserver,
            "ALTER TABLE t WITH CHECK ADD CONSTRAINT k FOREIGN KEY (a) REFERENCES u (b)",
            "t(a)>u NoAction NoAction",
        ),
        (
            Oracle,
            "CREATE TABLE t (a NUMBER CONSTRAINT k REFERENCES u ON DELETE CASCADE)",
            "T(A)>U Cascade NoAction",
        ),
    ];
    for (dialect, text, expect) in one {
        assert_eq!(keys(dialect, text), [expect], "{dialect}: {text}");
    }
    assert!(keys(Postgres, "GRANT REFERENCES ON t TO x").is_empty());
    assert!(keys(Postgres, "COMMENT ON TABLE t IS 'a REFERENCES b'").is_empty());
}

#[track_caller]
fn check_flag(flag: fn(&Facts) -> bool, cases: &[(&[Dialect], &[&str], &[&str])]) {
    for (dialects, yes, no) in cases {
        for dialect in *dialects {
            for text in *yes {
                assert!(flag(&facts(*dialect, text)), "{dialect}: {text}");
            }
            for text in *no {
                assert!(!flag(&facts(*dialect, text)), "{dialect}: not {text}");
            }
        }
    }
}

#[test]
fn outside_a_transaction() {
    check_flag(
        |facts| facts.outside_transaction,
        &[
            (
                &[Postgres],
                &[
                    "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON t (a)",
                    "DROP INDEX CONCURRENTLY i",
                    "REINDEX INDEX CONCURRENTLY i",
                    "REINDEX (CONCURRENTLY, VERBOSE) TABLE t",
                    "REINDEX DATABASE d",
                    "VACUUM (FULL) t",
                    "CREATE DATABASE d",
                    "DROP DATABASE d",
                    "ALTER SYSTEM SET a = 1",
                    "CREATE TABLESPACE s LOCATION 'x'",
                    "ALTER DATABASE d SET TABLESPACE s",
                    "CLUSTER",
                    "DISCARD ALL",
                    "ALTER TABLE t DETACH PARTITION p CONCURRENTLY",
                    "CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p",
                ],
                &[
                    "CREATE INDEX i ON t (a)",
                    "CREATE INDEX \"concurrently\" ON t (a)",
                    "REINDEX TABLE t",
                    "CLUSTER t",
                    "ALTER DATABASE d SET a = 1",
                    "REFRESH MATERIALIZED VIEW CONCURRENTLY v",
                    "ANALYZE t",
                    "ALTER TABLE t DETACH PARTITION p",
                    "SELECT 'VACUUM'",
                    "ALTER TYPE e ADD VALUE 'x'",
                ],
            ),
            (
                &[Sqlite],
                &["VACUUM", "PRAGMA journal_mode = wal", "DETACH x"],
                &["CREATE TABLE t (a)", "ANALYZE"],
            ),
            (
                &[Sqlserver],
                &["CREATE DATABASE d", "BACKUP DATABASE d TO DISK = 'x'"],
                &[
                    "CREATE TABLE t (a int)",
                    "ALTER DATABASE SCOPED CONFIGURATION SET MAXDOP = 1",
                ],
            ),
            (
                MYSQLS,
                &[],
                &["CREATE DATABASE d", "CREATE TABLE t (a INT)"],
            ),
        ],
    );
}

#[test]
fn implicit_commits() {
    check_flag(
        |facts| facts.implicit_commit,
        &[
            (
                MYSQLS,
                &[
                    "CREATE TABLE t (a INT)",
                    "/*!50001 CREATE TABLE t (a INT) */",
                    "ALTER TABLE t ADD b INT",
                    "DROP TABLE t",
                    "TRUNCATE t",
                    "RENAME TABLE a TO b",
                    "GRANT SELECT ON t TO u",
                    "ANALYZE LOCAL TABLE t",
                    "OPTIMIZE TABLE t",
                    "BEGIN",
                    "START TRANSACTION",
                    "LOCK TABLES t READ",
                    "SET PASSWORD = 'x'",
                    "SET @@autocommit = 1",
                    "CREATE OR REPLACE VIEW v AS SELECT 1",
                    "COMMIT",
                    "FLUSH TABLES",
                ],
                &[
                    "CREATE TEMPORARY TABLE t (a INT)",
                    "DROP TEMPORARY TABLE t",
                    "INSERT INTO t VALUES (1)",
                    "SELECT 1",
                    "SET @a = 1",
                    "SAVEPOINT a",
                    "UPDATE t SET a = 'CREATE'",
                ],
            ),
            (
                &[Mariadb],
                &[
                    "BEGIN NOT ATOMIC CREATE TABLE t (a INT); END",
                    "CREATE OR REPLACE TABLE t (a INT)",
                ],
                &[
                    "BEGIN NOT ATOMIC INSERT INTO t VALUES (1); END",
                    "ANALYZE UPDATE t SET a = 1",
                ],
            ),
            (
                &[Oracle],
                &["CREATE TABLE t (a NUMBER)", "COMMENT ON TABLE t IS 'x'"],
                &["ALTER SESSION SET a = 1", "DELETE FROM t"],
            ),
            (
                &[Postgres, Sqlite, Sqlserver],
                &[],
                &["CREATE TABLE t (a int)", "TRUNCATE t"],
            ),
        ],
    );
}

#[test]
fn repeatable_statements() {
    let all: &[Dialect] = &Dialect::ALL;
    check_flag(
        |facts| facts.repeatable,
        &[
            (
                all,
                &[
                    "CREATE TABLE IF NOT EXISTS t (a int)",
                    "DROP TABLE IF EXISTS t",
                    "CREATE OR REPLACE VIEW v AS SELECT 1",
                    "TRUNCATE TABLE t",
                    "GRANT SELECT ON t TO u",
                    "USE d",
                ],
                &[
                    "CREATE TABLE t (a int)",
                    "DROP TABLE t",
                    "INSERT INTO t VALUES (1)",
                    "ALTER TABLE t ADD a int",
                    "ALTER TABLE t",
                    "CALL p()",
                    "",
                    "SELECT 1",
                    "CREATE OR REPLACE TABLE t (a int)",
                    "CREATE TABLE t (a int DEFAULT f('IF NOT EXISTS'))",
                ],
            ),
            (
                MYSQLS,
                &[
                    "OPTIMIZE TABLE t",
                    "ANALYZE TABLE t",
                    "ALTER TABLE t ENGINE = InnoDB",
                    "ALTER TABLE t FORCE",
                    "ALTER TABLE t AUTO_INCREMENT = 7, COMMENT 'x'",
                    "ALTER TABLE t MODIFY a BIGINT NOT NULL",
                    "CREATE OR REPLACE DEFINER=`a`@`b` PROCEDURE p() BEGIN END",
                    "SET NAMES utf8mb4",
                    "ALTER TABLE t ADD COLUMN IF NOT EXISTS a INT, DROP KEY IF EXISTS k",
                    "REVOKE IF EXISTS SELECT ON t FROM u",
                    "ALTER TABLE t ALTER COLUMN a SET DEFAULT 1",
                ],
                &[
                    "CREATE OR REPLACE SEQUENCE s",
                    "CREATE OR REPLACE DATABASE d",
                    "SET @n = @n + 1",
                    "RENAME TABLE a TO b",
                    "ALTER TABLE t MODIFY a INT UNIQUE",
                    "ALTER TABLE t ADD COLUMN IF NOT EXISTS a INT, ADD b INT",
                    "REVOKE SELECT ON t FROM u",
                    "ALTER TABLE t CHANGE a b INT",
                    "CREATE PROCEDURE p() DROP TABLE IF EXISTS t",
                ],
            ),
            (
                &[Postgres],
                &[
                    "CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON t (a)",
                    "ALTER TYPE e ADD VALUE IF NOT EXISTS 'x'",
                    "VACUUM",
                    "CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
                    "REVOKE ALL ON t FROM u",
                    "COMMENT ON TABLE t IS 'x'",
                    "ALTER TABLE t ALTER a SET NOT NULL",
                ],
                &[
                    "CREATE INDEX CONCURRENTLY i ON t (a)",
                    "ALTER TYPE e ADD VALUE 'x'",
                    "EXPLAIN ANALYZE DELETE FROM t",
                ],
            ),
            (
                &[Sqlserver],
                &[
                    "CREATE OR ALTER PROCEDURE p AS SELECT 1",
                    "USE d; GRANT SELECT ON t TO u",
                ],
                &["USE d; CREATE TABLE t (a int)"],
            ),
        ],
    );
}

#[test]
fn definer_functions() {
    check_flag(
        |facts| facts.definer_function,
        &[
            (
                &[Postgres],
                &[
                    "CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
                    "CREATE PROCEDURE p() LANGUAGE sql EXTERNAL SECURITY DEFINER BEGIN ATOMIC END",
                    "ALTER FUNCTION f() SECURITY DEFINER",
                ],
                &[
                    "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 'SECURITY DEFINER' $$",
                    "CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY INVOKER AS 'SELECT 1'",
                    "CREATE TABLE t (a int)",
                ],
            ),
            (
                MYSQLS,
                &[
                    "CREATE PROCEDURE p() SELECT 1",
                    "CREATE DEFINER=`a`@`b` FUNCTION f() RETURNS INT RETURN 1",
                    "CREATE PROCEDURE p() BEGIN CREATE SQL SECURITY INVOKER VIEW v AS SELECT 1; END",
                    "ALTER PROCEDURE p SQL SECURITY DEFINER",
                ],
                &[
                    "CREATE PROCEDURE p() SQL SECURITY INVOKER SELECT 1",
                    "ALTER PROCEDURE p COMMENT 'x'",
                    "CREATE TABLE t (a INT)",
                ],
            ),
            (
                &[Sqlserver],
                &["CREATE PROC p WITH EXECUTE AS OWNER AS SELECT 1; SELECT 2"],
                &[
                    "CREATE PROC p AS SELECT 1",
                    "CREATE PROC p WITH EXECUTE AS CALLER AS SELECT 1",
                ],
            ),
            (
                &[Oracle],
                &["CREATE FUNCTION f RETURN NUMBER IS BEGIN RETURN 1; END;"],
                &["CREATE FUNCTION f RETURN NUMBER AUTHID CURRENT_USER IS BEGIN RETURN 1; END;"],
            ),
        ],
    );
}

#[test]
fn holes_in_append_only_tables() {
    let text =
        "CREATE TABLE app.items (a int REFERENCES orders ON DELETE CASCADE, b int REFERENCES x)";
    let facts = facts(Postgres, text);
    let holes = facts.append_only_holes(Postgres, &TableName::new(None, "items"), "app");
    let [Hole::ForeignKey(key)] = holes.as_slice() else {
        panic!("{holes:?}")
    };
    assert_eq!(
        (key.references.name.as_str(), key.on_delete),
        ("orders", Action::Cascade)
    );
    assert!(
        facts
            .append_only_holes(Postgres, &TableName::new(None, "items"), "public")
            .is_empty()
    );
}
