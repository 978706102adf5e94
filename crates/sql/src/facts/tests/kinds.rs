//! What statements are about.

use super::MYSQLS;
use crate::Dialect::{self, Mariadb, Mysql, Oracle, Postgres, Sqlite, Sqlserver};
use crate::facts::{Kind, facts};

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
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
