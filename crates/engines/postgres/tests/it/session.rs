//! What the contract says of a connection: values, transactions, errors, the lock, definitions.

use std::time::Duration;

use freehold_engine::{
    Address, Commit, Connection, Endpoint, Engine as _, ErrorKind, Keep, TxMode, Value,
};
use freehold_model::Isolation;
use freehold_postgres::Postgres;

use crate::scratch::{Admin, server};
use crate::store::{Store, list};

async fn root() -> Option<(std::sync::Arc<crate::scratch::Server>, Box<dyn Connection>)> {
    let server = server().await?;
    let root = server.root("postgres").await;
    Some((server, root))
}

#[tokio::test(flavor = "multi_thread")]
async fn values_come_back_as_they_went() {
    let Some((_server, mut root)) = root().await else {
        return;
    };
    let sql = "SELECT $1::text, $2::bigint, $3::boolean, $4::float8, $5::bytea, $6::text, $7::int2, $8::jsonb ->> 'a'";
    let values = [
        Value::from("o'clock \\ \n \u{1f426}"),
        Value::I64(i64::MIN),
        Value::Bool(true),
        Value::F64(0.1),
        Value::Bytes(vec![0, 255, 39]),
        Value::Null,
        Value::I64(-7),
        Value::from("{\"a\": \"b\"}"),
    ];
    let rows = root.query(sql, &values).await.expect("a row");
    assert_eq!(rows[0][..7], values[..7]);
    assert_eq!(rows[0][7], Value::from("b"));
    // Types without a case of their own come as the engine's text.
    let odd = "SELECT 1.50::numeric, '2026-11-21'::date, '{1,2}'::int[], NULL::uuid, 2::int4";
    let odd = root.query(odd, &[]).await.expect("a row").remove(0);
    let expected = [
        Value::from("1.50"),
        Value::from("2026-11-21"),
        Value::from("{1,2}"),
        Value::Null,
        Value::from("2"),
    ];
    assert_eq!(odd, expected);
    let refused = root
        .query("SELECT $1::numeric", &[Value::I64(1)])
        .await
        .expect_err("an odd type");
    assert_eq!(refused.kind, ErrorKind::Unsupported);
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_say_what_a_caller_can_act_on() {
    let Some((_server, mut root)) = root().await else {
        return;
    };
    root.execute("CREATE TEMP TABLE t (a int PRIMARY KEY, b int CHECK (b > 0))")
        .await
        .expect("a table");
    root.execute("INSERT INTO t VALUES (4711, 1)")
        .await
        .expect("a row");
    let kind = [
        ("INSERT INTO t VALUES (4711, 1)", ErrorKind::Unique),
        ("INSERT INTO t VALUES (4712, -4713)", ErrorKind::Invalid),
        ("SELECT * FROM missing", ErrorKind::Missing),
        ("CREATE TABLE pg_temp.t (a int)", ErrorKind::Exists),
        ("SELECT '4714x'::int", ErrorKind::Invalid),
        ("SELEC 1", ErrorKind::Invalid),
    ];
    for (sql, kind) in kind {
        let error = root.execute(sql).await.expect_err(sql);
        assert_eq!(error.kind, kind, "{sql}: {error}");
        assert!(!error.to_string().contains("471"), "a value in {error}");
    }
    let near = root
        .execute("ALTER ROLE nobody PASSWORD 'SCRAM-SHA-256$4096:x$y:z' oops")
        .await
        .expect_err("no syntax");
    assert!(!near.to_string().contains("4096"), "{near}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_failed_is_not_committed_quietly() {
    let Some((_server, mut root)) = root().await else {
        return;
    };
    root.execute("CREATE TEMP TABLE t (a int UNIQUE DEFERRABLE INITIALLY DEFERRED)")
        .await
        .expect("a table");
    root.begin(TxMode::Write).await.expect("a transaction");
    root.execute("INSERT INTO t VALUES (1)")
        .await
        .expect("a row");
    root.execute("SELECT 1 / 0").await.expect_err("no number");
    assert!(matches!(root.commit().await, Commit::Refused(_)));
    assert_eq!(list(&mut *root, "SELECT a::text FROM t").await, [""; 0]);
    // A savepoint saves it.
    root.begin(TxMode::Write).await.expect("a transaction");
    root.execute("INSERT INTO t VALUES (2); SAVEPOINT s")
        .await
        .expect("a row");
    root.execute("SELECT 1 / 0").await.expect_err("no number");
    root.execute("ROLLBACK TO s").await.expect("back");
    assert!(matches!(root.commit().await, Commit::Done));
    // What fails only at the end.
    root.begin(TxMode::Write).await.expect("a transaction");
    root.execute("INSERT INTO t VALUES (2)")
        .await
        .expect("a row");
    assert!(
        matches!(root.commit().await, Commit::Refused(error) if error.kind == ErrorKind::Unique)
    );
    root.begin(TxMode::ReadOnly).await.expect("a transaction");
    root.execute("CREATE TABLE forbidden (a int)")
        .await
        .expect_err("read-only");
    root.rollback().await.expect("rolled back");
    root.rollback().await.expect("harmless");
    assert_eq!(list(&mut *root, "SELECT a::text FROM t").await, ["2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_given_up_leaves_the_session_unusable() {
    let Some((_server, mut root)) = root().await else {
        return;
    };
    let given_up = tokio::time::timeout(
        Duration::from_millis(1),
        root.execute("SELECT pg_sleep(30)"),
    )
    .await;
    assert!(given_up.is_err() && root.broken());
    let error = root.execute("SELECT 1").await.expect_err("unusable");
    assert_eq!(error.kind, ErrorKind::Unavailable);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_holds_the_lock_until_he_is_gone() {
    let Some((server, mut first)) = root().await else {
        return;
    };
    let mut second = server.root("postgres").await;
    assert!(
        first
            .try_lock("freehold:tests/lock")
            .await
            .expect("an answer")
    );
    assert!(
        !second
            .try_lock("freehold:tests/lock")
            .await
            .expect("an answer")
    );
    assert!(
        second
            .try_lock("freehold:tests/other")
            .await
            .expect("an answer")
    );
    second
        .unlock("freehold:tests/other")
        .await
        .expect("given back");
    first
        .unlock("freehold:tests/lock")
        .await
        .expect("given back");
    assert!(
        second
            .try_lock("freehold:tests/lock")
            .await
            .expect("an answer")
    );
    let id = second.session_id().await.expect("an id");
    assert!(first.terminate(id).await.expect("an end"), "it was there");
    assert!(
        first
            .try_lock("freehold:tests/lock")
            .await
            .expect("an answer")
    );
    first
        .unlock("freehold:tests/lock")
        .await
        .expect("given back");
    assert!(!first.terminate(id).await.expect("an end"), "it was there");
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_with_different_urls_exclude_each_other() {
    let Some((server, mut root)) = root().await else {
        return;
    };
    root.execute("CREATE DATABASE lock_here")
        .await
        .expect("made");
    let lock_of = async |database: &str| {
        let at = Postgres.at_lock(&server.superuser().with_database(database));
        Postgres.connect(&at).await.expect("let in")
    };
    let name = "freehold:tests/urls";
    let mut first = lock_of("lock_here").await;
    let mut second = lock_of("postgres").await;
    assert!(first.try_lock(name).await.expect("an answer"));
    assert!(!second.try_lock(name).await.expect("an answer"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_let_in_is_told_why() {
    let Some((server, _root)) = root().await else {
        return;
    };
    let good = server.superuser();
    let refusal = async |at: Endpoint| Postgres.connect(&at).await.err().expect("refused").kind;
    let wrong = good.with_login(
        "freehold_admin",
        Some(freehold_engine::Secret::new("wrong")),
    );
    assert_eq!(refusal(wrong).await, ErrorKind::LoginRefused);
    assert_eq!(
        refusal(good.with_login("freehold_admin", None)).await,
        ErrorKind::LoginRefused
    );
    assert_eq!(
        refusal(good.with_database("missing")).await,
        ErrorKind::Missing
    );
    let nobody = Endpoint {
        address: Address::Tcp("127.0.0.1".into(), 1),
        ..good.clone()
    };
    assert_eq!(refusal(nobody).await, ErrorKind::Unavailable);
    let encrypted = Endpoint {
        tls: freehold_engine::Tls::Require,
        ..good
    };
    assert_eq!(refusal(encrypted).await, ErrorKind::Tls);
}

/// Each of these is a change; undone, nothing is left of it.
const CHANGES: &[(&str, &str)] = &[
    ("CREATE INDEX i ON orders (status)", "DROP INDEX i"),
    (
        "ALTER TABLE orders ADD COLUMN c int DEFAULT 7",
        "ALTER TABLE orders DROP COLUMN c",
    ),
    (
        "ALTER TABLE notes ALTER words SET DEFAULT 'x'",
        "ALTER TABLE notes ALTER words DROP DEFAULT",
    ),
    (
        "ALTER TABLE notes ADD CONSTRAINT k CHECK (id > 0)",
        "ALTER TABLE notes DROP CONSTRAINT k",
    ),
    (
        "ALTER TABLE notes ALTER words TYPE varchar(9)",
        "ALTER TABLE notes ALTER words TYPE text",
    ),
    (
        "ALTER TABLE notes ALTER words SET NOT NULL",
        "ALTER TABLE notes ALTER words DROP NOT NULL",
    ),
    ("CREATE TYPE mood AS ENUM ('fine')", "DROP TYPE mood"),
    (
        "CREATE DOMAIN positive AS int CHECK (VALUE > 0)",
        "DROP DOMAIN positive",
    ),
    ("CREATE TYPE pair AS (a int, b text)", "DROP TYPE pair"),
    (
        "CREATE OR REPLACE FUNCTION twice(n int) RETURNS int LANGUAGE sql AS 'SELECT n + n'",
        "CREATE OR REPLACE FUNCTION twice(n int) RETURNS int LANGUAGE sql AS 'SELECT n * 2'",
    ),
    (
        "CREATE AGGREGATE total(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0')",
        "DROP AGGREGATE total(int)",
    ),
    (
        "CREATE TRIGGER t BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "DROP TRIGGER t ON orders",
    ),
    (
        "CREATE RULE r AS ON DELETE TO notes DO INSTEAD NOTHING",
        "DROP RULE r ON notes",
    ),
    (
        "ALTER TABLE notes ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE notes DISABLE ROW LEVEL SECURITY",
    ),
    (
        "CREATE POLICY p ON notes USING (id > 0)",
        "DROP POLICY p ON notes",
    ),
    (
        "COMMENT ON COLUMN orders.status IS 'words'",
        "COMMENT ON COLUMN orders.status IS NULL",
    ),
    (
        "COMMENT ON TABLE orders IS 'words'",
        "COMMENT ON TABLE orders IS NULL",
    ),
    (
        "ALTER SEQUENCE notes_id_seq INCREMENT 2",
        "ALTER SEQUENCE notes_id_seq INCREMENT 1",
    ),
    (
        "CREATE STATISTICS s ON order_id, status FROM orders",
        "DROP STATISTICS s",
    ),
    (
        "CREATE TABLE parts (a int) PARTITION BY LIST (a); CREATE TABLE part PARTITION OF parts FOR VALUES IN (1)",
        "DROP TABLE parts",
    ),
    (
        "CREATE MATERIALIZED VIEW m AS SELECT 1 AS a",
        "DROP MATERIALIZED VIEW m",
    ),
    (
        "CREATE SCHEMA audit; CREATE TABLE audit.log (a int)",
        "DROP SCHEMA audit CASCADE",
    ),
    ("CREATE EXTENSION pg_trgm", "DROP EXTENSION pg_trgm"),
];

#[tokio::test(flavor = "multi_thread")]
async fn definitions_tell_a_migration_and_its_reverse_apart_from_nothing() {
    let Some(server) = server().await else { return };
    let store = Store::new(&server, Admin::Plain, Isolation::Database, "defined");
    store.apply().await;
    let mut inside = store.inside().await.expect("the store");
    let empty = inside.schema(&store.want).await.expect("definitions");
    store.migrate(&store.tables()).await.expect("a migration");
    let before = inside.schema(&store.want).await.expect("definitions");
    let names: Vec<&str> = before
        .keys()
        .map(String::as_str)
        .filter(|name| !empty.contains_key(*name))
        .collect();
    assert_eq!(
        names,
        [
            "function twice(integer)",
            "sequence notes_id_seq",
            "sequence order_items_order_item_id_seq",
            "sequence orders_order_id_seq",
            "table notes",
            "table order_items",
            "table orders",
            "view big_orders"
        ]
    );
    assert!(
        !before.keys().any(|name| name.contains("freehold")),
        "our own are left out"
    );
    for (up, down) in CHANGES {
        store.migrate(up).await.expect(up);
        assert_ne!(
            before,
            inside.schema(&store.want).await.expect("definitions"),
            "{up}"
        );
        assert_eq!(store.diff().await.steps, [], "{up}");
        store.migrate(down).await.expect(down);
        assert_eq!(
            before,
            inside.schema(&store.want).await.expect("definitions"),
            "{down}"
        );
    }
    // Rows and counters are no definitions.
    store
        .enter(&store.want.identities.app.logins[0])
        .await
        .execute("INSERT INTO notes (words) VALUES ('a')")
        .await
        .expect("a row");
    assert_eq!(
        before,
        inside.schema(&store.want).await.expect("definitions")
    );
    drop(inside);
    store.destroy(Keep::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_changes_nothing_not_even_the_search_path() {
    let Some(server) = server().await else { return };
    let store = Store::new(&server, Admin::Plain, Isolation::Database, "looked");
    store.apply().await;
    let mut inside = store.inside().await.expect("the store");
    inside.assume_owner(&store.want).await.expect("the owner");
    inside.begin(TxMode::ReadOnly).await.expect("a transaction");
    let before = list(&mut *inside, "SELECT current_setting('search_path')").await;
    inside
        .inspect(&store.want)
        .await
        .expect("a look in a read-only transaction");
    inside.schema(&store.want).await.expect("definitions");
    assert_eq!(
        before,
        list(&mut *inside, "SELECT current_setting('search_path')").await
    );
    inside.rollback().await.expect("rolled back");
    let mut app = store.enter(&store.want.identities.app.logins[0]).await;
    let peers = inside.peers(&store.want).await.expect("peers");
    assert_eq!(
        peers
            .iter()
            .map(|peer| peer.user.as_str())
            .collect::<Vec<_>>(),
        ["looked_app_1"]
    );
    app.execute("SELECT 1").await.expect("still there");
    drop((inside, app));
    store.destroy(Keep::default()).await;
}
