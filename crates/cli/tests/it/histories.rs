//! `adopt --from`: the records of other tools, as they themselves left them on PostgreSQL, with their
//! files. The tools run themselves in `real_tools`.

use freehold_model::EngineKind;
use freehold_testkit::{Must as _, server};

use crate::adopt::{Old, enter, run_all};

/// A tool's record and files, and what comes of them.
struct Case {
    tool: &'static str,
    record: &'static str,
    files: Vec<(&'static str, &'static str)>,
    /// A file whose text, changed, has to be noticed; where the files are SQL.
    checked: Option<&'static str>,
    /// A file that the tool has not applied, and the code of the refusal, if it is one.
    pending: (&'static str, &'static str, Option<&'static str>),
    /// The migrations afterwards, in order.
    migrations: Vec<&'static str>,
    last: &'static str,
}

const ORDERS: &str = "CREATE TABLE orders (id int PRIMARY KEY);\n";
const NOTE: &str = "ALTER TABLE orders ADD note text;\n";

#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn cases() -> Vec<Case> {
    vec![
        Case {
            tool: "flyway",
            record: include_str!("adopt/flyway.sql"),
            files: vec![
                (
                    "sql/V1__orders.sql",
                    "CREATE TABLE orders (id serial PRIMARY KEY);\r\nINSERT INTO orders DEFAULT VALUES;\n",
                ),
                ("sql/U1__orders.sql", "DROP TABLE orders;\n"),
                (
                    "sql/V1.1__Add_Status.sql",
                    "-- mit Umlaut: ä\nALTER TABLE orders ADD status text NOT NULL DEFAULT 'open';\n",
                ),
                (
                    "sql/R__views.sql",
                    "CREATE OR REPLACE VIEW open_orders AS SELECT * FROM orders WHERE status = 'open';",
                ),
            ],
            checked: Some("sql/V1__orders.sql"),
            pending: ("sql/V2__note.sql", NOTE, None),
            migrations: vec!["0001_orders", "0002_add_status", "0003_views", "0004_note"],
            last: "the newest 1.1",
        },
        Case {
            tool: "alembic",
            record: include_str!("adopt/alembic.sql"),
            files: vec![(
                "alembic/versions/e3c230fb4036_orders.py",
                "revision: str = 'e3c230fb4036'\ndown_revision = None\n",
            )],
            checked: None,
            pending: (
                "alembic/versions/aaaaaaaaaaaa_note.py",
                "revision = \"aaaaaaaaaaaa\"\ndown_revision = \"e3c230fb4036\"\n",
                Some("FH3242"),
            ),
            migrations: vec!["0001_adopted"],
            last: "the newest e3c230fb4036",
        },
        Case {
            tool: "django",
            record: include_str!("adopt/django.sql"),
            files: vec![
                (
                    "orders/migrations/0001_initial.py",
                    "class Migration: pass\n",
                ),
                ("orders/migrations/__init__.py", ""),
            ],
            checked: None,
            pending: (
                "orders/migrations/0002_note.py",
                "class Migration: pass\n",
                Some("FH3242"),
            ),
            migrations: vec!["0001_adopted"],
            last: "the newest orders.0001_initial",
        },
        Case {
            tool: "liquibase",
            record: include_str!("adopt/liquibase.sql"),
            files: vec![(
                "changelog/root.xml",
                "<databaseChangeLog>\n<changeSet id=\"1\" author=\"ana\"><tagDatabase/></changeSet>\n</databaseChangeLog>\n",
            )],
            checked: None,
            pending: (
                "changelog/more.yaml",
                "- changeSet:\n    id: 2\n    author: bob\n",
                Some("FH3242"),
            ),
            migrations: vec!["0001_adopted"],
            last: "the newest ana:1",
        },
        Case {
            tool: "sqlx",
            record: include_str!("adopt/sqlx.sql"),
            files: vec![
                ("theirs/20240101120000_orders.up.sql", ORDERS),
                (
                    "theirs/20240101120000_orders.down.sql",
                    "DROP TABLE orders;\n",
                ),
            ],
            checked: Some("theirs/20240101120000_orders.up.sql"),
            pending: ("theirs/20240201120000_note.sql", NOTE, None),
            migrations: vec!["0001_orders", "0002_note"],
            last: "the newest 20240101120000",
        },
        Case {
            tool: "prisma",
            record: include_str!("adopt/prisma.sql"),
            files: vec![(
                "prisma/migrations/20240101120000_orders/migration.sql",
                ORDERS,
            )],
            checked: Some("prisma/migrations/20240101120000_orders/migration.sql"),
            pending: (
                "prisma/migrations/20240201120000_note/migration.sql",
                NOTE,
                None,
            ),
            migrations: vec!["0001_orders", "0002_note"],
            last: "the newest 20240101120000_orders",
        },
        Case {
            tool: "atlas",
            record: include_str!("adopt/atlas.sql"),
            files: vec![("theirs/20240101120000_orders.sql", ORDERS)],
            checked: Some("theirs/20240101120000_orders.sql"),
            pending: ("theirs/20240201120000_note.sql", NOTE, None),
            migrations: vec!["0001_orders", "0002_note"],
            last: "the newest 20240101120000",
        },
    ]
}

#[tokio::test]
async fn records_of_other_tools() {
    let Some(server) = server(EngineKind::Postgres).await else {
        return;
    };
    let mut admin = server.connect().await;
    let url = server.admin.url();
    for case in cases() {
        let name = format!("from_{}", case.tool);
        let make = format!("DROP DATABASE IF EXISTS {name};;CREATE DATABASE {name}");
        run_all(&mut *admin, &make).await;
        let old = Old::new("postgres", url.expose(), &name, "");
        old.put("theirs/.keep", "");
        let adopt = |more: &[&str]| {
            let folder = ["--files", "theirs"];
            let named = case.files[0].0.starts_with("theirs").then_some(folder);
            let from: &[&str] = &["adopt", &name, "--from", case.tool];
            old.example.run(
                &[
                    from,
                    named.as_ref().map_or(&[][..], |named| &named[..]),
                    more,
                ]
                .concat(),
            )
        };
        assert_eq!(adopt(&["--yes"]).refused(3), ["FH3238"], "{}", case.tool);
        enter(&server.admin, &name)
            .await
            .execute(case.record)
            .await
            .must(case.tool);
        if case.checked.is_some() {
            assert_eq!(
                adopt(&["--yes"]).refused(3),
                ["FH3240"],
                "{}: no file",
                case.tool
            );
        }
        for (file, text) in &case.files {
            old.put(file, text);
        }
        if let Some(file) = case.checked {
            let text = old.file(file);
            old.put(file, &format!("{text}-- more"));
            assert_eq!(
                adopt(&["--yes"]).refused(3),
                ["FH3241"],
                "{}: changed",
                case.tool
            );
            old.put(file, &text);
        }
        let (file, text, refusal) = case.pending;
        old.put(file, text);
        if let Some(code) = refusal {
            assert_eq!(
                adopt(&["--yes"]).refused(3),
                [code],
                "{}: pending",
                case.tool
            );
            std::fs::remove_file(old.example.path().join("services/old").join(file))
                .must("removed");
        }
        let said = adopt(&["--yes"]).done();
        assert!(said.contains(case.last), "{}: {said}", case.tool);
        for migration in &case.migrations {
            assert!(
                said.contains(migration),
                "{}: {migration}: {said}",
                case.tool
            );
        }
        // What the tool had not applied is pending now, and the rest is not run again.
        let plan = old.example.run(&["plan"]).done();
        let note = case.migrations.iter().any(|id| id.ends_with("_note"));
        assert_eq!(
            note,
            plan.contains("_note  1 statement"),
            "{}: {plan}",
            case.tool
        );
        old.example.run(&["apply"]).done();
        assert!(
            old.example.run(&["plan"]).done().contains("Nothing to do"),
            "{}",
            case.tool
        );
        // The files alone make the same store.
        let twin = old.twin("postgres", url.expose());
        twin.example.run(&["apply"]).done();
        twin.example.run(&["destroy", "--force", "--yes"]).done();
        old.example.run(&["destroy", "--force", "--yes"]).done();
    }
}

#[tokio::test]
async fn a_record_that_is_not_clean() {
    let Some(server) = server(EngineKind::Postgres).await else {
        return;
    };
    let mut admin = server.connect().await;
    let url = server.admin.url();
    run_all(
        &mut *admin,
        "DROP DATABASE IF EXISTS unclean;;CREATE DATABASE unclean",
    )
    .await;
    let old = Old::new("postgres", url.expose(), "unclean", "");
    let mut store = enter(&server.admin, "unclean").await;
    store
        .execute(include_str!("adopt/flyway.sql"))
        .await
        .must("the record");
    let adopt = |more: &[&str]| {
        old.example
            .run(&[&["adopt", "unclean", "--yes"], more].concat())
    };
    assert_eq!(adopt(&["--from", "flywya"]).refused(2), ["FH1315"]);
    store
        .execute("UPDATE flyway_schema_history SET success = false WHERE version = '1.1'")
        .await
        .must("unclean");
    old.put(
        "sql/V1__orders.sql",
        "CREATE TABLE orders (id serial PRIMARY KEY);\r\nINSERT INTO orders DEFAULT VALUES;\n",
    );
    assert_eq!(adopt(&["--from", "flyway"]).refused(3), ["FH3239"]);
    store.execute("UPDATE flyway_schema_history SET success = true, type = 'BASELINE' WHERE version = '1'").await.must("a baseline");
    assert_eq!(adopt(&["--from", "flyway"]).refused(3), ["FH3243"]);
    old.put("migrations/0001_draft.up.sql", "SELECT 1;\n");
    assert_eq!(adopt(&[]).refused(3), ["FH3234"]);
    assert_eq!(
        adopt(&["--from", "flyway", "--files", "migrations"]).refused(3),
        ["FH3244"]
    );
    store
        .execute("CREATE AGGREGATE summed(int) (SFUNC = int4pl, STYPE = int)")
        .await
        .must("an aggregate");
    std::fs::remove_file(
        old.example
            .path()
            .join("services/old/migrations/0001_draft.up.sql"),
    )
    .must("removed");
    assert_eq!(adopt(&[]).refused(3), ["FH3236"]);
    // Written by hand, it is taken as it is.
    old.put(
        "migrations/0001_adopted.up.sql",
        "CREATE TABLE orders (id serial PRIMARY KEY, status text NOT NULL DEFAULT 'open');\n",
    );
    old.put("migrations/0002_note.up.sql", NOTE);
    let said = adopt(&[]).done();
    assert!(said.contains("is there, recorded as applied"), "{said}");
    assert!(old.example.run(&["apply"]).done().contains("0002_note"));
    drop(store);
    old.example.run(&["destroy", "--force", "--yes"]).done();
}

/// Where a record stands and how its columns are read differs between the engines.
#[tokio::test]
async fn records_on_the_other_engines() {
    let table = "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description VARCHAR(80) NOT NULL, success BOOLEAN NOT NULL, checksum BLOB NOT NULL);;INSERT INTO _sqlx_migrations VALUES (1, 'orders', TRUE, x'4ae1bface3d6644ec82dd395dce4e33670c9fbf7f71a7eaf4c1485b2a4e5495bf84d60a9cc42b54e056263ecd11d9c94');;CREATE TABLE orders (id int PRIMARY KEY)";
    let adopted = |old: &Old| {
        old.put("theirs/1_orders.sql", ORDERS);
        old.put("theirs/2_note.sql", NOTE);
        let name = old.name().to_owned();
        let from = ["adopt", &name, "--yes", "--files", "theirs", "--from"];
        let run = |tool: &str| old.example.run(&[&from[..], &[tool]].concat());
        assert_eq!(run("flyway").refused(3), ["FH3238"]);
        let said = run("sqlx").done();
        assert!(said.contains("sqlx applied 1 so far"), "{said}");
        assert!(old.example.run(&["apply"]).done().contains("0002_note"));
        assert!(old.example.run(&["plan"]).done().contains("Nothing to do"));
        old.example.run(&["destroy", "--force", "--yes"]).done();
    };
    let stores = tempfile::tempdir().must("a folder");
    std::fs::create_dir(stores.path().join("from_lite")).must("a folder");
    let db = rusqlite::Connection::open(stores.path().join("from_lite/store.db")).expect("a file");
    db.execute_batch(&table.replace(";;", ";"))
        .expect("the record");
    drop(db);
    let url = format!("sqlite:{}", stores.path().display());
    adopted(&Old::new("sqlite", &url, "from_lite", ""));

    let Some(server) = server(EngineKind::Mariadb).await else {
        return;
    };
    let mut admin = server.connect().await;
    run_all(
        &mut *admin,
        "DROP DATABASE IF EXISTS from_maria;;CREATE DATABASE from_maria",
    )
    .await;
    let mut store = enter(&server.admin, "from_maria").await;
    run_all(&mut *store, table).await;
    drop(store);
    adopted(&Old::new(
        "mariadb",
        server.admin.url().expose(),
        "from_maria",
        "",
    ));
}
