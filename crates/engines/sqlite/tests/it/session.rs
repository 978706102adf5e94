//! The session: transactions, values, single statements, cancellation, other processes.

use std::process::{Command, Stdio};
use std::time::Duration;

use freehold_engine::{Commit, Engine as _, ErrorKind, TxMode, Value};
use freehold_sqlite::Sqlite;

use crate::support::Stores;

/// Keeps a statement busy until it is interrupted.
const ENDLESS: &str =
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";

#[tokio::test]
async fn values_come_back_as_they_went_in() {
    let stores = Stores::new();
    stores.apply().await;
    let mut store = stores.store().await;
    let values = [
        Value::Null,
        Value::I64(i64::MIN),
        Value::F64(0.1),
        Value::Text("a'b\\c$d&e%f\ng😀".to_owned()),
        Value::Bytes(vec![0, 255]),
    ];
    let rows = store
        .query("SELECT ?1, ?2, ?3, ?4, ?5", &values)
        .await
        .expect("read");
    assert_eq!(rows, [values.to_vec()]);
    assert_eq!(
        store
            .query("SELECT ?1", &[Value::Bool(true)])
            .await
            .expect("read"),
        [[Value::I64(1)]]
    );
}

/// Locks of this process on the store's file.
#[cfg(target_os = "linux")]
fn locks(stores: &Stores) -> usize {
    use std::os::unix::fs::MetadataExt as _;
    let inode = std::fs::metadata(stores.file()).expect("there").ino();
    let pid = std::process::id().to_string();
    let locks = std::fs::read_to_string("/proc/locks").expect("read");
    let ours = |line: &&str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        fields.get(4) == Some(&pid.as_str())
            && fields
                .get(5)
                .is_some_and(|file| file.ends_with(&format!(":{inode}")))
    };
    locks.lines().filter(ours).count()
}

/// Without them a program of the service that closes the store removes the log under the session.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn its_locks_outlive_other_sessions_and_looks() {
    let mut stores = Stores::new();
    stores.want.plane.publishes = true;
    stores.apply().await;
    let mut one = stores.store().await;
    one.query("SELECT 1", &[]).await.expect("read");
    assert!(locks(&stores) > 0, "a log's reader holds a lock");
    let mut two = stores.store().await;
    stores.look().await;
    two.begin(TxMode::Relay).await.expect("begun");
    two.execute("INSERT INTO freehold_outbox (topic, key, payload) VALUES ('a.b.v1', '1', NULL)")
        .await
        .expect("published");
    let polled = two.poll_outbox(&stores.want, "", 10).await.expect("read");
    assert_eq!(polled.rows.len(), 1);
    two.commit().await.done().expect("committed");
    drop(two);
    stores.store().await;
    assert!(locks(&stores) > 0, "somebody closed the file past SQLite");
}

#[tokio::test]
async fn one_statement_at_a_time() {
    let stores = Stores::new();
    stores.filled().await;
    let mut store = stores.store().await;
    for sql in [
        "DELETE FROM orders; DELETE FROM orders",
        "SELECT 1; DROP TABLE orders",
        "SELECT 1;; SELECT 2",
    ] {
        let error = store.execute(sql).await.expect_err(sql);
        assert_eq!(error.kind, ErrorKind::Invalid, "{error}");
    }
    for sql in ["SELECT 1;", "SELECT 1; -- done", "-- nothing", "", ";"] {
        store.execute(sql).await.expect(sql);
    }
    assert_eq!(
        store
            .query("SELECT count(*) FROM orders", &[])
            .await
            .expect("read"),
        [[Value::I64(1)]]
    );
}

#[tokio::test]
async fn statements_neither_end_the_transaction_nor_reach_other_files() {
    let stores = Stores::new();
    stores.filled().await;
    let mut store = stores.store().await;
    store.begin(TxMode::Write).await.expect("begun");
    let attach = format!(
        "ATTACH '{}' AS other",
        stores.dir.path().join("other.db").display()
    );
    for sql in ["COMMIT", "END", "ROLLBACK", "BEGIN", attach.as_str()] {
        let error = store.execute(sql).await.expect_err(sql);
        assert_eq!(error.kind, ErrorKind::Denied, "{error}");
    }
    for sql in [
        "SAVEPOINT a",
        "DELETE FROM order_items",
        "ROLLBACK TO a",
        "RELEASE a",
    ] {
        store.execute(sql).await.expect(sql);
    }
    store.rollback().await.expect("rolled back");
    store
        .rollback()
        .await
        .expect("harmless without a transaction");
    store
        .execute("VACUUM")
        .await
        .expect("attaches a file of its own");
}

#[tokio::test]
async fn affected_rows_are_those_that_matched() {
    let stores = Stores::new();
    stores.filled().await;
    let mut store = stores.store().await;
    assert_eq!(
        store
            .run("UPDATE orders SET status = status", &[])
            .await
            .expect("ran"),
        1
    );
    assert_eq!(store.run("CREATE TABLE t (a)", &[]).await.expect("ran"), 0);
    assert_eq!(
        store
            .run("UPDATE orders SET status = 'x' WHERE order_id = 7", &[])
            .await
            .expect("ran"),
        0
    );
    assert_eq!(
        store
            .run("INSERT INTO t VALUES (1), (2) RETURNING a", &[])
            .await
            .expect("ran"),
        2
    );
}

#[tokio::test]
async fn a_read_only_transaction_cannot_write() {
    let stores = Stores::new();
    stores.filled().await;
    let mut store = stores.store().await;
    store.begin(TxMode::ReadOnly).await.expect("begun");
    let error = store
        .run("DELETE FROM orders", &[])
        .await
        .expect_err("read only");
    assert_eq!(error.kind, ErrorKind::Denied);
    store.commit().await.done().expect("committed");
    store
        .run("UPDATE orders SET status = 'x'", &[])
        .await
        .expect("writes again");
}

#[tokio::test]
async fn a_refused_commit_leaves_nothing() {
    let stores = Stores::new();
    stores.filled().await;
    let mut store = stores.store().await;
    store.begin(TxMode::Write).await.expect("begun");
    store
        .execute("PRAGMA defer_foreign_keys = ON")
        .await
        .expect("deferred");
    store
        .run("INSERT INTO order_items VALUES (9, 404, 1)", &[])
        .await
        .expect("checked at commit");
    let Commit::Refused(error) = store.commit().await else {
        panic!("an orphan was committed")
    };
    assert_eq!(error.kind, ErrorKind::Invalid, "{error}");
    assert!(!store.broken());
    let count = store
        .query("SELECT count(*) FROM order_items", &[])
        .await
        .expect("read");
    assert_eq!(count, [[Value::I64(2)]]);
}

#[tokio::test]
async fn errors_have_kinds() {
    let stores = Stores::new();
    stores.filled().await;
    let mut store = stores.store().await;
    for (sql, kind) in [
        ("INSERT INTO orders VALUES (1, 'x')", ErrorKind::Unique),
        ("INSERT INTO orders VALUES (2, NULL)", ErrorKind::Invalid),
        (
            "INSERT INTO order_items VALUES (9, 404, 1)",
            ErrorKind::Invalid,
        ),
        ("SELECT * FROM gone", ErrorKind::Missing),
        ("CREATE TABLE orders (a)", ErrorKind::Exists),
        ("SELEKT 1", ErrorKind::Invalid),
    ] {
        let error = store.execute(sql).await.expect_err(sql);
        assert_eq!(error.kind, kind, "{sql}: {error}");
        assert!(error.native.is_some());
    }
}

#[tokio::test]
async fn a_second_writer_meets_a_conflict() {
    let stores = Stores::new();
    stores.filled().await;
    let (mut one, mut two) = (stores.store().await, stores.store().await);
    one.begin(TxMode::Write).await.expect("begun");
    let error = two
        .begin(TxMode::Write)
        .await
        .expect_err("one writer at a time");
    assert_eq!(error.kind, ErrorKind::Conflict);
    one.rollback().await.expect("rolled back");
    two.begin(TxMode::Write).await.expect("its turn");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_call_gives_the_session_up_and_rolls_back() {
    let stores = Stores::new();
    stores.filled().await;
    let mut store = stores.store().await;
    store.begin(TxMode::Write).await.expect("begun");
    store
        .run("UPDATE orders SET status = 'lost'", &[])
        .await
        .expect("written");
    let cut = tokio::time::timeout(Duration::from_millis(50), store.query(ENDLESS, &[])).await;
    assert!(cut.is_err() && store.broken());
    let error = store.query("SELECT 1", &[]).await.expect_err("unusable");
    assert_eq!(error.kind, ErrorKind::Unavailable);
    // Its write lock is free again, since the statement was interrupted and the transaction is gone.
    let mut next = stores.store().await;
    next.begin(TxMode::Write).await.expect("begun");
    let status = next
        .query("SELECT status FROM orders", &[])
        .await
        .expect("read");
    assert_eq!(status, [[Value::from("pending")]]);
}

#[tokio::test]
async fn a_dropped_connection_rolls_back() {
    let stores = Stores::new();
    stores.filled().await;
    let mut store = stores.store().await;
    store.begin(TxMode::Write).await.expect("begun");
    store
        .run("DELETE FROM order_items", &[])
        .await
        .expect("written");
    drop(store);
    let count = stores
        .store()
        .await
        .query("SELECT count(*) FROM order_items", &[])
        .await
        .expect("read");
    assert_eq!(count, [[Value::I64(2)]]);
}

#[tokio::test]
async fn the_folder_of_stores_takes_no_statements() {
    let stores = Stores::new();
    stores.apply().await;
    let mut server = stores.server().await;
    assert_eq!(
        server.execute("SELECT 1").await.expect_err("no store").kind,
        ErrorKind::Invalid
    );
    assert!(!server.broken());
    assert_eq!(server.session_id().await.expect("asked"), 0);
    let issued = server
        .issue(&stores.want, "orders_app_1", None)
        .await
        .expect_err("no logins");
    assert_eq!(issued.kind, ErrorKind::Unsupported);
    let file = freehold_engine::Secret::new(format!(
        "sqlite:{}",
        stores.dir.path().join("a-file").display()
    ));
    std::fs::write(stores.dir.path().join("a-file"), "").expect("written");
    let at = freehold_engine::Endpoint::parse(freehold_model::EngineKind::Sqlite, &file)
        .expect("parsed");
    assert_eq!(
        Sqlite
            .connect(&at)
            .await
            .err()
            .expect("a file is no folder")
            .kind,
        ErrorKind::Invalid
    );
}

/// Not a test of its own: what the child process of the next one runs.
const CHILD: &str = "FREEHOLD_TEST_OPEN_STORE";

#[tokio::test]
async fn other_processes_are_seen() {
    let stores = Stores::new();
    if let Ok(file) = std::env::var(CHILD) {
        let theirs = rusqlite::Connection::open(file).expect("opened");
        theirs
            .query_row("SELECT count(*) FROM orders", [], |_| Ok(()))
            .expect("read");
        std::io::Write::write_all(&mut std::io::stdout(), b"open\n").expect("said");
        // Until the parent closes our input.
        std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).expect("waited");
        return;
    }
    stores.filled().await;
    let mut server = stores.server().await;
    assert_eq!(server.peers(&stores.want).await.expect("looked"), []);
    let mut child = Command::new(std::env::current_exe().expect("a test binary"))
        .args([
            "--exact",
            "session::other_processes_are_seen",
            "--nocapture",
        ])
        .env(CHILD, stores.file())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("started");
    let mut said = std::io::BufReader::new(child.stdout.take().expect("its output"));
    let mut line = String::new();
    while !line.contains("open") {
        line.clear();
        assert_ne!(
            std::io::BufRead::read_line(&mut said, &mut line).expect("read"),
            0,
            "the child ended early"
        );
    }
    let peers = server.peers(&stores.want).await.expect("looked");
    if cfg!(target_os = "linux") {
        let ids: Vec<_> = peers.iter().map(|peer| peer.id).collect();
        assert_eq!(ids, [i64::from(child.id())]);
    }
    drop(child.stdin.take());
    assert!(child.wait().expect("ended").success());
    assert_eq!(server.peers(&stores.want).await.expect("looked"), []);
}
