//! Splitting, dialect by dialect.

use super::{Statement, split};
use crate::Dialect::{Mariadb, Mysql, Oracle, Postgres, Sqlite, Sqlserver};
use crate::{Dialect, SplitTrouble};

fn texts(dialect: Dialect, text: &str) -> Vec<String> {
    match split(dialect, text) {
        Ok(statements) => statements
            .into_iter()
            .map(|statement| statement.text)
            .collect(),
        Err(error) => panic!("{dialect}: {error}\n{text}"),
    }
}

#[track_caller]
fn check(dialect: Dialect, text: &str, expect: &[&str]) {
    assert_eq!(texts(dialect, text), expect, "{dialect}: {text}");
}

/// The whole text is one statement, its last semicolon aside, with another one behind it.
#[track_caller]
fn check_whole(dialect: Dialect, text: &str) {
    check(dialect, &format!("{text};\nSELECT 1;"), &[text, "SELECT 1"]);
}

#[test]
fn semicolons_in_quotes_and_comments_do_not_end_a_statement() {
    for dialect in [Postgres, Mysql, Mariadb, Sqlite, Oracle] {
        check(
            dialect,
            "-- first; one\nSELECT 'a;''b' /* ; */ AS x; ;;\n /* nothing */ ; SELECT 2 -- end; \n",
            &["SELECT 'a;''b' /* ; */ AS x", "SELECT 2"],
        );
        check(dialect, "-- only; comments\n/* ; */", &[]);
        check(dialect, "", &[]);
    }
    check(
        Postgres,
        "SELECT E'\\';', \";\", $q$;'$q$, $$;$$; SELECT 2",
        &["SELECT E'\\';', \";\", $q$;'$q$, $$;$$", "SELECT 2"],
    );
    check(
        Postgres,
        "SELECT '\\'; SELECT 2",
        &["SELECT '\\'", "SELECT 2"],
    );
    check(
        Postgres,
        "SELECT 1 /* /* ; */ ; */ + 1; SELECT 2",
        &["SELECT 1 /* /* ; */ ; */ + 1", "SELECT 2"],
    );
    check(
        Mysql,
        "SELECT '\\';', \"\\\";\", `;` # ;\n; SELECT 5--2",
        &["SELECT '\\';', \"\\\";\", `;`", "SELECT 5--2"],
    );
    check(
        Sqlite,
        "SELECT [;], `;`, \";\"; SELECT 1 /* /* */; SELECT 2",
        &["SELECT [;], `;`, \";\"", "SELECT 1", "SELECT 2"],
    );
    check(
        Oracle,
        "SELECT q'[;']', q'!;'!' FROM dual; SELECT 2",
        &["SELECT q'[;']', q'!;'!' FROM dual", "SELECT 2"],
    );
}

#[test]
fn places_count_lines_and_characters() {
    let text = "\u{FEFF}-- größe\r\nSELECT 'ä';  SELECT 2;\r\n\r\n /* x */ SELECT\r\n 3";
    let at = |line, column, text: &str| Statement {
        text: text.to_owned(),
        line,
        column,
    };
    assert_eq!(
        split(Postgres, text).unwrap(),
        [
            at(2, 1, "SELECT 'ä'"),
            at(2, 14, "SELECT 2"),
            at(4, 10, "SELECT\r\n 3"),
        ]
    );
}

#[test]
fn postgres_bodies() {
    check_whole(
        Postgres,
        "CREATE RULE r AS ON INSERT TO t DO ALSO (DELETE FROM a; DELETE FROM b)",
    );
    check_whole(
        Postgres,
        "CREATE OR REPLACE FUNCTION f(begin int) RETURNS int LANGUAGE sql BEGIN ATOMIC\n\
         SELECT CASE WHEN a THEN 1 ELSE 2 END; INSERT INTO t VALUES (CASE 1 WHEN 1 THEN 2 END);\n\
         SELECT t.end, 1 AS case; END",
    );
    check_whole(Postgres, "CREATE PROCEDURE p() BEGIN ATOMIC END");
    check_whole(
        Postgres,
        "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN; END; $$",
    );
    check_whole(Postgres, "DO $do$ BEGIN PERFORM 1; END $do$");
    check(
        Postgres,
        "BEGIN; SELECT 1; END; COMMIT",
        &["BEGIN", "SELECT 1", "END", "COMMIT"],
    );
    check(
        Postgres,
        "CREATE FUNCTION f() RETURNS int AS 'a' LANGUAGE c; BEGIN; END",
        &[
            "CREATE FUNCTION f() RETURNS int AS 'a' LANGUAGE c",
            "BEGIN",
            "END",
        ],
    );
    check(
        Postgres,
        "CREATE TABLE begin (atomic int); SELECT 1",
        &["CREATE TABLE begin (atomic int)", "SELECT 1"],
    );
    check(
        Postgres,
        "COPY t TO STDOUT; COPY t FROM '/x'; COPY (SELECT 1 FROM stdin) TO '/y'",
        &[
            "COPY t TO STDOUT",
            "COPY t FROM '/x'",
            "COPY (SELECT 1 FROM stdin) TO '/y'",
        ],
    );
}

#[test]
fn sqlite_triggers() {
    check_whole(
        Sqlite,
        "CREATE TEMP TRIGGER IF NOT EXISTS begin AFTER UPDATE OF begin ON begin\n\
         WHEN new.a > 0 BEGIN\n UPDATE t SET a = CASE WHEN 1 THEN 2 END;\n SELECT 1; END",
    );
    check_whole(
        Sqlite,
        "CREATE TRIGGER \"a;b\" AFTER INSERT ON t BEGIN SELECT 1; END",
    );
    check(
        Sqlite,
        "BEGIN; SELECT 1; END; CREATE TABLE trigger_begin (a)",
        &["BEGIN", "SELECT 1", "END", "CREATE TABLE trigger_begin (a)"],
    );
}

const MYSQL_ROUTINES: &[&str] = &[
    "CREATE PROCEDURE p() BEGIN END",
    "CREATE PROCEDURE p() SELECT 1",
    "CREATE DEFINER=`root`@`localhost` PROCEDURE p(IN a INT, OUT b DECIMAL(10,2)) COMMENT 'x;' SQL SECURITY INVOKER\n\
     outer_block: BEGIN\n DECLARE x INT DEFAULT IF(a, 1, 2);\n DECLARE CONTINUE HANDLER FOR NOT FOUND SET x = IF(a, 1, 2);\n\
     DECLARE EXIT HANDLER FOR SQLEXCEPTION, SQLSTATE '42000' BEGIN ROLLBACK; RESIGNAL; END;\n\
     IF a > 1 THEN SELECT 1; ELSEIF a = 0 THEN SELECT IF(a, REPEAT('x', 2), 3); ELSE IF (b) THEN SELECT 2; END IF; END IF;\n\
     CASE a WHEN 1 THEN SELECT CASE WHEN b THEN IF(1,2,3) ELSE IF(4,5,6) END; ELSE BEGIN END; END CASE;\n\
     WHILE a < 10 DO SET a = a + 1; DO SLEEP(0); END WHILE;\n\
     again: LOOP LEAVE again; END LOOP again;\n\
     REPEAT SET a = a - 1; UNTIL a = 0 END REPEAT;\n\
     UPDATE t SET end = 1, t.begin = CASE end WHEN 1 THEN 2 END WHERE `if` = 1;\n\
     DROP TABLE IF EXISTS x; CREATE TABLE IF NOT EXISTS y (a INT);\n END outer_block",
    "CREATE FUNCTION f(a INT) RETURNS SET('a','b') CHARACTER SET utf8mb4 DETERMINISTIC RETURN IF(a, 'a', CASE a WHEN 1 THEN 'b' END)",
    "CREATE FUNCTION f() RETURNS INT IF 1 THEN RETURN 1; ELSE RETURN 2; END IF",
    "CREATE TRIGGER t BEFORE INSERT ON x FOR EACH ROW SET NEW.a = IF(NEW.b, 1, 2)",
    "CREATE TRIGGER IF NOT EXISTS t AFTER UPDATE ON x FOR EACH ROW FOLLOWS u IF NEW.a THEN SET @a = 1; END IF",
    "CREATE TRIGGER t AFTER UPDATE ON x FOR EACH ROW BEGIN IF NEW.a THEN INSERT INTO l VALUES (1); END IF; END",
    "CREATE EVENT IF NOT EXISTS e ON SCHEDULE EVERY 1 DAY DO BEGIN DELETE FROM t; END",
    "CREATE EVENT e ON SCHEDULE AT NOW() + INTERVAL IF(1, 2, 3) DAY COMMENT 'x' DO DELETE FROM t",
    "ALTER EVENT e DO BEGIN DELETE FROM t; SELECT 1; END",
    "/*!50003 CREATE*/ /*!50017 DEFINER=`a`@`b`*/ /*!50003 TRIGGER t BEFORE INSERT ON x FOR EACH ROW BEGIN SET NEW.a = 1; END */",
];

#[test]
fn mysql_bodies_without_delimiter() {
    for dialect in [Mysql, Mariadb] {
        for routine in MYSQL_ROUTINES {
            check_whole(dialect, routine);
        }
        check(
            dialect,
            "BEGIN; SELECT IF(1,2,3); COMMIT; CREATE TABLE event (`end` INT)",
            &[
                "BEGIN",
                "SELECT IF(1,2,3)",
                "COMMIT",
                "CREATE TABLE event (`end` INT)",
            ],
        );
        check(
            dialect,
            "CREATE OR REPLACE VIEW v AS SELECT CASE 1 WHEN 1 THEN 2 END; SELECT 2",
            &[
                "CREATE OR REPLACE VIEW v AS SELECT CASE 1 WHEN 1 THEN 2 END",
                "SELECT 2",
            ],
        );
    }
    let compound = [
        "BEGIN NOT ATOMIC DECLARE a INT; SET a = 1; END",
        "IF (SELECT 1) THEN DROP TABLE t; END IF",
        "FOR i IN 1..10 DO INSERT INTO t VALUES (i); END FOR",
        "CREATE PROCEDURE p() BEGIN FOR r IN (SELECT 1) DO SELECT 1; END FOR; END",
    ];
    for text in compound {
        check_whole(Mariadb, text);
    }
}

#[test]
fn mysql_delimiters() {
    let text = "DELIMITER //\nCREATE PROCEDURE p() BEGIN SELECT 1; END//\n\
                CREATE PROCEDURE q() BEGIN SELECT ';//'; END; //\n\
                INSERT INTO t VALUES (1); INSERT INTO t VALUES (2) //\n  delimiter ;\nSELECT 2; SELECT 4 // 2";
    check(
        Mysql,
        text,
        &[
            "CREATE PROCEDURE p() BEGIN SELECT 1; END",
            "CREATE PROCEDURE q() BEGIN SELECT ';//'; END",
            "INSERT INTO t VALUES (1)",
            "INSERT INTO t VALUES (2)",
            "SELECT 2",
            "SELECT 4 // 2",
        ],
    );
    check(
        Mariadb,
        "DELIMITER $$\r\nSELECT 1$$\r\nDELIMITER ;\r\nSELECT 2;\r\n",
        &["SELECT 1", "SELECT 2"],
    );
    check(
        Mysql,
        "CREATE TABLE t (\n delimiter INT); SELECT\n delimiter FROM t",
        &[
            "CREATE TABLE t (\n delimiter INT)",
            "SELECT\n delimiter FROM t",
        ],
    );
}

#[test]
fn sqlserver_batches() {
    let text = "CREATE PROCEDURE p AS SELECT 1; SELECT 2;\nGO\n-- nothing\nGO\n\
                INSERT INTO t DEFAULT VALUES\n  go 3 -- thrice\nSELECT 'x\nGO\n', [a\nGO\n], go /*\nGO\n*/ FROM t";
    check(
        Sqlserver,
        text,
        &[
            "CREATE PROCEDURE p AS SELECT 1; SELECT 2;",
            "INSERT INTO t DEFAULT VALUES",
            "INSERT INTO t DEFAULT VALUES",
            "INSERT INTO t DEFAULT VALUES",
            "SELECT 'x\nGO\n', [a\nGO\n], go /*\nGO\n*/ FROM t",
        ],
    );
    check(Sqlserver, "GO\r\nSELECT 1\r\nGO\r\n", &["SELECT 1"]);
}

#[test]
fn oracle_blocks() {
    let text = "CREATE TABLE t (a NUMBER);\n/\nCREATE OR REPLACE EDITIONABLE TRIGGER tr BEFORE INSERT ON t\n\
                BEGIN :NEW.a := 4 / 2; END;\n/\nSELECT 1 /\n2 FROM dual;\nDECLARE x NUMBER; BEGIN NULL; END;\n / \n\
                INSERT INTO t VALUES (1)\n/\nWITH FUNCTION f RETURN NUMBER IS BEGIN RETURN 1; END; SELECT f FROM dual\n/\nSET ROLE NONE;";
    check(
        Oracle,
        text,
        &[
            "CREATE TABLE t (a NUMBER)",
            "CREATE OR REPLACE EDITIONABLE TRIGGER tr BEFORE INSERT ON t\nBEGIN :NEW.a := 4 / 2; END;",
            "SELECT 1 /\n2 FROM dual",
            "DECLARE x NUMBER; BEGIN NULL; END;",
            "INSERT INTO t VALUES (1)",
            "WITH FUNCTION f RETURN NUMBER IS BEGIN RETURN 1; END; SELECT f FROM dual",
            "SET ROLE NONE",
        ],
    );
}

#[test]
fn what_cannot_be_split_says_where_and_why() {
    let quote = |open: &str, close: &str| SplitTrouble::OpenQuote {
        open: open.to_owned(),
        close: close.to_owned(),
    };
    let command = |client, command: &str| SplitTrouble::ClientCommand {
        client,
        command: command.to_owned(),
    };
    let cases = [
        (Postgres, "SELECT 1;\n SELECT 'a;", 2, 9, quote("'", "'")),
        (Postgres, "SELECT E'a\\'", 1, 8, quote("E'", "'")),
        (Postgres, "SELECT \"ä", 1, 8, quote("\"", "\"")),
        (Mysql, "SELECT '\\'", 1, 8, quote("'", "'")),
        (Mysql, "SELECT `a", 1, 8, quote("`", "`")),
        (Sqlite, "SELECT [a", 1, 8, quote("[", "]")),
        (Sqlserver, "SELECT N'a", 1, 8, quote("N'", "'")),
        (Oracle, "SELECT q'[a'", 1, 8, quote("q'[", "]'")),
        (
            Postgres,
            "SELECT 1 /* /* */",
            1,
            10,
            SplitTrouble::OpenComment,
        ),
        (Mysql, "ä /*! SELECT 1;", 1, 3, SplitTrouble::OpenComment),
        (
            Postgres,
            "\nDO $x$ $$ ",
            2,
            4,
            SplitTrouble::OpenDollarQuote {
                tag: "$x$".to_owned(),
            },
        ),
        (
            Postgres,
            "SELECT 1;\n\\connect other",
            2,
            1,
            command("psql", "\\connect"),
        ),
        (
            Postgres,
            "SELECT 'a' \\gexec",
            1,
            12,
            command("psql", "\\gexec"),
        ),
        (Mysql, "SELECT 1\\G", 1, 9, command("mysql", "\\G")),
        (Sqlite, "\n.mode csv", 2, 1, command("sqlite3", ".mode")),
        (Sqlserver, ":r other.sql", 1, 1, command("sqlcmd", ":r")),
        (
            Oracle,
            "PROMPT it's done",
            1,
            1,
            command("SQL*Plus", "PROMPT"),
        ),
        (Oracle, "SET DEFINE OFF", 1, 1, command("SQL*Plus", "SET")),
        (
            Oracle,
            "@other.sql",
            1,
            1,
            command("SQL*Plus", "@other.sql"),
        ),
        (
            Postgres,
            "SELECT 1; COPY t (a) FROM stdin;\nit's\n\\.\n",
            1,
            11,
            SplitTrouble::CopyFromStdin,
        ),
        (
            Mysql,
            "\nDELIMITER\n",
            2,
            1,
            SplitTrouble::Delimiter {
                why: "does not say which",
            },
        ),
        (
            Mysql,
            "DELIMITER 0123456789abcdef",
            1,
            1,
            SplitTrouble::Delimiter {
                why: "is longer than 15 bytes",
            },
        ),
        (
            Mysql,
            "DELIMITER \\",
            1,
            1,
            SplitTrouble::Delimiter {
                why: "cannot hold a backslash or a quote",
            },
        ),
        (
            Sqlserver,
            "SELECT 1\nGO;",
            2,
            1,
            SplitTrouble::Go {
                why: "takes no semicolon",
            },
        ),
        (
            Sqlserver,
            "SELECT 1\nGO 0",
            2,
            1,
            SplitTrouble::Go {
                why: "0 would run nothing",
            },
        ),
        (
            Sqlserver,
            "SELECT 1\nGO 99999999999999999999",
            2,
            1,
            SplitTrouble::Go {
                why: "repeats more than 10,000 times",
            },
        ),
        (
            Mysql,
            "CREATE PROCEDURE p() BEGIN IF 1 THEN SELECT 1; END; SELECT 2;",
            1,
            22,
            SplitTrouble::OpenBlock { what: "BEGIN" },
        ),
        (
            Sqlite,
            "CREATE TRIGGER t AFTER INSERT ON x BEGIN SELECT 1;",
            1,
            36,
            SplitTrouble::OpenBlock { what: "BEGIN" },
        ),
        (
            Postgres,
            "CREATE TABLE t (a int; SELECT 1;",
            1,
            16,
            SplitTrouble::OpenBlock {
                what: "parenthesis",
            },
        ),
        (
            Postgres,
            "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1;",
            1,
            33,
            SplitTrouble::OpenBlock {
                what: "BEGIN ATOMIC",
            },
        ),
        (Sqlite, "SELECT 1;\nSELECT '\0'", 2, 9, SplitTrouble::Nul),
    ];
    for (dialect, text, line, column, what) in cases {
        let error = split(dialect, text).expect_err(text);
        assert_eq!(
            (error.line, error.column, error.what),
            (line, column, what),
            "{dialect}: {text}"
        );
    }
}

#[test]
fn a_fault_names_the_file() {
    let error = split(Postgres, "SELECT 1;\n\\d").unwrap_err();
    let fault = error.fault(std::path::Path::new("migrations/0001_x.up.sql"));
    assert_eq!(
        fault.to_string(),
        "FH1223: migrations/0001_x.up.sql:2:1: `\\d` is a command of the client psql, not SQL"
    );
    assert!(!fault.help.is_empty());
}
