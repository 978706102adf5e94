//! The tables and foreign keys of statements.

use crate::Dialect::{Mariadb, Mysql, Oracle, Postgres, Sqlite, Sqlserver};
use crate::TableName;
use crate::facts::{Action, Facts, ForeignKey, Hole, facts};

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
        let shown = |key: &ForeignKey| {
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
