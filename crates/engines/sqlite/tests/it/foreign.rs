//! What freehold did not make is never opened, changed or removed.

use std::fs;

use freehold_engine::{Engine as _, ErrorKind, Keep, Mark};
use freehold_sqlite::Sqlite;

use crate::support::Stores;

/// Looks, plans and tries to remove; nothing of it may change the folder.
async fn refused(stores: &Stores) -> String {
    let before = snapshot(stores);
    let live = stores.look().await;
    assert!(
        matches!(live.database, Some(Mark::Foreign(_))),
        "{:?}",
        live.database
    );
    let server = stores.server().await;
    let diff = Sqlite.diff(server.probe(), &stores.want, &live);
    assert!(diff.steps.is_empty(), "{:?}", diff.steps);
    let drop = Sqlite.drop_steps(server.probe(), &stores.want, &live, Keep::default());
    assert!(drop.steps.is_empty() && drop.refused[0].code == "FH3101");
    assert_eq!(snapshot(stores), before);
    assert_eq!(diff.refused[0].code, "FH3101");
    diff.refused[0].message.clone()
}

fn snapshot(stores: &Stores) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(stores.folder())
        .expect("read")
        .map(|entry| entry.expect("an entry"));
    let mut files: Vec<_> = entries
        .map(|entry| {
            (
                entry.file_name().to_string_lossy().into_owned(),
                fs::read(entry.path()).expect("read"),
            )
        })
        .collect();
    files.sort();
    files
}

#[tokio::test]
async fn somebody_elses_database() {
    let stores = Stores::new();
    fs::create_dir_all(stores.folder()).expect("made");
    let theirs = rusqlite::Connection::open(stores.file()).expect("opened");
    theirs
        .execute_batch("CREATE TABLE diary (day TEXT)")
        .expect("made");
    drop(theirs);
    assert!(
        refused(&stores)
            .await
            .contains("a SQLite database that freehold did not make")
    );
    let error = stores
        .store()
        .await
        .execute("DROP TABLE diary")
        .await
        .expect_err("never opened");
    assert_eq!(error.kind, ErrorKind::Denied);
}

#[tokio::test]
async fn somebody_elses_file() {
    let stores = Stores::new();
    fs::create_dir_all(stores.folder()).expect("made");
    fs::write(stores.file(), "dear diary").expect("written");
    assert!(refused(&stores).await.contains("not a SQLite database"));
    fs::rename(stores.file(), stores.folder().join("diary.txt")).expect("renamed");
    assert!(refused(&stores).await.contains("diary.txt"));
}

#[tokio::test]
async fn another_systems_store() {
    let mut stores = Stores::new();
    stores.filled().await;
    stores.want.system = "shopease".to_owned();
    assert!(
        refused(&stores)
            .await
            .contains("the store of freehold:bookvault/orders/main")
    );
    stores.want.system = "bookvault".to_owned();
    assert_eq!(stores.diff().await.refused, []);
}

#[tokio::test]
async fn a_store_without_its_mark() {
    let stores = Stores::new();
    stores.filled().await;
    let mut store = stores.store().await;
    store
        .execute("DROP TABLE freehold_mark")
        .await
        .expect("dropped");
    drop(store);
    assert!(refused(&stores).await.contains("without the mark"));
}

#[tokio::test]
async fn a_damaged_store_is_neither_hidden_nor_removed() {
    let stores = Stores::new();
    stores.filled().await;
    let mut bytes = fs::read(stores.file()).expect("read");
    bytes[100..].fill(0xff);
    fs::write(stores.file(), bytes).expect("damaged");
    let at = Sqlite.at_store(&stores.server, &stores.want.spot);
    let inside = match Sqlite.connect(&at).await {
        Ok(mut store) => store.inspect(&stores.want).await.map(|_| ()),
        Err(error) => Err(error),
    };
    inside.expect_err("it cannot be read");
    let mut server = stores.server().await;
    let outside = server.inspect(&stores.want).await.expect("looked");
    assert_eq!(
        Sqlite.diff(server.probe(), &stores.want, &outside).refused[0].code,
        "FH3132"
    );
    assert_eq!(
        Sqlite
            .drop_steps(server.probe(), &stores.want, &outside, Keep::default())
            .refused[0]
            .code,
        "FH3132"
    );
}

#[tokio::test]
async fn steps_reach_no_further_than_the_folder_of_stores() {
    let stores = Stores::new();
    stores.apply().await;
    let live = stores.look().await;
    let mut server = stores.server().await;
    let mut step = Sqlite
        .drop_steps(server.probe(), &stores.want, &live, Keep::default())
        .steps
        .remove(0);
    for name in ["../stores/orders", "", ".", "/", "orders/.."] {
        name.clone_into(&mut step.name);
        server
            .apply(&step, &freehold_engine::Verifiers::new())
            .await
            .expect_err(name);
    }
    assert!(stores.file().exists());
}
