//! The yes-or-no answers about how statements may be run.

use super::MYSQLS;
use crate::Dialect::{self, Mariadb, Oracle, Postgres, Sqlite, Sqlserver};
use crate::facts::{Facts, facts};

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
