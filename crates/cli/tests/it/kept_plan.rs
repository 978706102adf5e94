//! `apply FILE` holds the store against the plan once more under its own lock.

use std::fs::File;
use std::process::Stdio;
use std::time::Duration;

use freehold_model::EngineKind;
use freehold_testkit::Must as _;

use crate::world::world;

/// Long enough for the run to have looked and to stand at the lock. Shorter, the first look already
/// refuses, and the test sees the same.
const AT_THE_LOCK: Duration = Duration::from_secs(2);

#[tokio::test]
async fn a_store_that_moves_before_its_lock_is_had_is_left_alone() {
    let world = world(EngineKind::Sqlite, "kept", "").await.must("a world");
    world.migration("0001_things.up.sql", "CREATE TABLE things (id INTEGER);\n");
    world.run(&["apply"]).done();
    world.migration("0002_more.up.sql", "CREATE TABLE more (id INTEGER);\n");
    world.run(&["plan", "-o", "kept.plan"]).done();

    let stores = world.old.example.path().join("stores");
    let lock = File::create(stores.join(".freehold.legacy.kept.main.lock")).must("the lock's file");
    lock.lock().must("the run's lock");
    let mut command = world.old.example.command(&["apply", "./kept.plan"]);
    let running = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let running = running.must("it runs");
    tokio::time::sleep(AT_THE_LOCK).await;
    world.send(&["CREATE TABLE by_hand (id INTEGER)"]).await;
    drop(lock);

    let ended = running.wait_with_output().must("it ends");
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(3), "{said}");
    assert!(said.contains("error[FH3219]: kept: "), "{said}");
    let tables = world
        .rows("SELECT name FROM sqlite_schema WHERE name = 'more'")
        .await;
    assert_eq!(tables, Vec::<String>::new(), "nothing was applied");
}
