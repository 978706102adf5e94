//! A store's life: made, kept in step, locked, dumped, removed.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use freehold_engine::{Change, Engine as _, Keep, Subject, TxMode, Value};
use freehold_sqlite::Sqlite;

use crate::support::Stores;

#[tokio::test]
async fn looking_makes_nothing() {
    let stores = Stores::new();
    let live = stores.look().await;
    assert!(live.database.is_none() && !live.looked_inside);
    assert_eq!(stores.diff().await.steps.len(), 2);
    assert_eq!(stores.destroy(Keep::default()).await, 0);
    assert_eq!(fs::read_dir(stores.dir.path()).expect("read").count(), 0);
}

#[tokio::test]
async fn from_nothing_to_nothing() {
    let stores = Stores::new();
    let steps = stores.apply().await;
    let added = |subject, name: &str| (Change::Add, subject, name.to_owned());
    assert_eq!(
        steps,
        [
            added(Subject::Database, "orders"),
            added(Subject::Ledger, "freehold_ledger")
        ]
    );
    assert_eq!(stores.apply().await, []);
    let mode = |path| fs::metadata(path).expect("it is there").mode() & 0o777;
    assert_eq!((mode(stores.folder()), mode(stores.file())), (0o700, 0o600));
    assert_eq!(
        stores
            .destroy(Keep {
                data: true,
                credentials: false
            })
            .await,
        0
    );
    assert_eq!(stores.destroy(Keep::default()).await, 1);
    assert_eq!(stores.destroy(Keep::default()).await, 0);
    assert!(!stores.folder().exists());
}

#[tokio::test]
async fn what_lies_beside_an_open_store_is_private_too() {
    let stores = Stores::new();
    stores.filled().await;
    let mut store = stores.store().await;
    store
        .run("UPDATE orders SET status = 'confirmed'", &[])
        .await
        .expect("written");
    let mut names = Vec::new();
    for entry in fs::read_dir(stores.folder()).expect("read") {
        let entry = entry.expect("an entry");
        assert_eq!(
            entry.metadata().expect("there").mode() & 0o777,
            0o600,
            "{:?}",
            entry.path()
        );
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    assert_eq!(names, ["store.db", "store.db-shm", "store.db-wal"]);
}

#[tokio::test]
async fn opened_files_are_drift() {
    let stores = Stores::new();
    stores.apply().await;
    fs::set_permissions(stores.file(), Permissions::from_mode(0o644)).expect("opened");
    assert_eq!(
        stores.apply().await,
        [(Change::Change, Subject::Access, "orders".to_owned())]
    );
    assert_eq!(
        fs::metadata(stores.file()).expect("there").mode() & 0o777,
        0o600
    );
}

#[tokio::test]
async fn a_run_cut_off_after_each_step_is_finished_by_the_next() {
    // Only the file: the mark is missing.
    let stores = Stores::new();
    drop(stores.store().await);
    assert_eq!(stores.apply().await.len(), 2);
    // Only the folder and an empty file.
    let stores = Stores::new();
    fs::create_dir_all(stores.folder()).expect("made");
    fs::write(stores.file(), "").expect("written");
    assert_eq!(stores.apply().await.len(), 2);
    // File and mark, no ledger.
    let stores = Stores::new();
    stores.apply().await;
    stores
        .store()
        .await
        .execute("DROP TABLE freehold_ledger")
        .await
        .expect("dropped");
    assert_eq!(stores.apply().await.len(), 1);
    // A removal that stopped after the file.
    fs::remove_file(stores.file()).expect("removed");
    fs::write(stores.folder().join("store.db-wal"), "").expect("written");
    assert_eq!(stores.destroy(Keep::default()).await, 1);
    assert!(!stores.folder().exists());
}

#[tokio::test]
async fn only_one_run_holds_the_lock() {
    let stores = Stores::new();
    let mark = stores.want.mark();
    let (mut one, mut two) = (stores.server().await, stores.server().await);
    assert!(one.try_lock(&mark).await.expect("tried"));
    assert!(
        one.try_lock(&mark).await.expect("tried"),
        "taking it again changes nothing"
    );
    assert!(!two.try_lock(&mark).await.expect("tried"));
    drop(one);
    assert!(
        two.try_lock(&mark).await.expect("tried"),
        "it goes with its connection"
    );
    two.unlock(&mark).await.expect("given back");
    two.unlock(&mark).await.expect("twice is once");
    assert_eq!(
        fs::read_dir(stores.dir.path()).expect("read").count(),
        0,
        "nothing is left of it"
    );
}

#[tokio::test]
async fn the_ledger_keeps_rows() {
    let stores = Stores::new();
    stores.apply().await;
    let sql = Sqlite.ledger(&stores.want);
    let mut store = stores.store().await;
    let args = |state: &str| -> Vec<Value> {
        vec![
            "migration".into(),
            "0001_a".into(),
            "sum".into(),
            Value::Null,
            state.into(),
            1_i64.into(),
            2_i64.into(),
            "".into(),
        ]
    };
    assert_eq!(
        store.run(&sql.put, &args("applying")).await.expect("put"),
        1
    );
    assert_eq!(
        store.run(&sql.put, &args("done")).await.expect("put again"),
        1
    );
    let rows = store.query(&sql.read, &[]).await.expect("read");
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0][..8], args("done")[..]);
    let at = rows[0][8].text().expect("a time");
    assert!(
        at.len() == 24 && at.ends_with('Z') && at.as_bytes()[10] == b'T',
        "{at}"
    );
    assert_eq!(
        store
            .run(&sql.delete, &args("done")[..2])
            .await
            .expect("deleted"),
        1
    );
}

#[tokio::test]
async fn a_migration_and_its_reverse_leave_the_schema_as_it_was() {
    let stores = Stores::new();
    stores.filled().await;
    let mut store = stores.store().await;
    let before = store.schema(&stores.want).await.expect("read");
    assert_eq!(
        before.keys().collect::<Vec<_>>(),
        ["table order_items", "table orders"]
    );
    let up_and_down = [
        "ALTER TABLE orders ADD COLUMN note TEXT",
        "CREATE INDEX idx_orders_status ON orders (status)",
        "ALTER TABLE orders DROP COLUMN note",
        "DROP INDEX idx_orders_status",
        "ALTER TABLE orders RENAME TO old_orders",
        "ALTER TABLE old_orders RENAME TO orders",
    ];
    for sql in up_and_down {
        store.begin(TxMode::Write).await.expect("begun");
        store.execute(sql).await.expect(sql);
        store.commit().await.done().expect("committed");
        if sql.starts_with("CREATE") {
            assert_ne!(store.schema(&stores.want).await.expect("read"), before);
        }
    }
    assert_eq!(store.schema(&stores.want).await.expect("read"), before);
    assert_eq!(
        stores.diff().await.steps,
        [],
        "triggers were carried along by the renames"
    );
}

#[tokio::test]
async fn others_in_the_folder_outlive_the_store() {
    let stores = Stores::new();
    stores.apply().await;
    let notes = stores.folder().join("notes.txt");
    fs::write(&notes, "mine").expect("written");
    assert_eq!(stores.destroy(Keep::default()).await, 1);
    assert!(notes.exists() && !stores.file().exists());
}

#[tokio::test]
async fn columns_and_what_the_engine_fills() {
    let stores = Stores::new();
    stores.filled().await;
    let mut store = stores.store().await;
    for sql in [
        "CREATE TABLE prices (book_id TEXT PRIMARY KEY, cents INTEGER NOT NULL, euros REAL AS (cents / 100.0)) WITHOUT ROWID",
        "CREATE TABLE pairs (a INTEGER, b INTEGER, PRIMARY KEY (a, b))",
        "CREATE VIEW broken AS SELECT * FROM gone",
    ] {
        store.execute(sql).await.expect(sql);
    }
    let live = store.inspect(&stores.want).await.expect("looked");
    let filled = |table: &str| {
        live.tables[table]
            .filled_by_server
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>()
    };
    assert_eq!(filled("order_items"), ["order_item_id"]);
    assert_eq!(filled("prices"), ["euros"]);
    assert_eq!(filled("pairs"), [""; 0]);
    assert_eq!(live.tables["prices"].columns, ["book_id", "cents", "euros"]);
    assert!(live.tables["broken"].view && !live.tables["orders"].view);
    assert_eq!(live.foreign_keys.len(), 1);
}
