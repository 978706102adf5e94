//! What goes wrong between two services' sidecars, a process each, is told by the alarms of the one
//! that sees the other's data; and it is told when it is over. `FREEHOLD_PROVE=1` also takes the time,
//! and looks for ten minutes that nothing is told of a source that is idle.

mod scene;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use freehold_testkit::SmallDisk;

use crate::events::{freehold, publish, publish_text, wait_for};
use crate::nats::is_there;
use scene::{Scene, door, proves, signal, users};

fn nothing(_: &Path) {}

#[test]
fn processes_that_stand_still() {
    if !is_there() {
        return;
    }
    let mut scene = Scene::begins(nothing, &[]);
    publish(scene.folder(), 5, 1);
    wait_for(scene.folder(), 5, 1);
    scene.over();

    signal(&scene.source, "-STOP");
    scene.raised("the source's sidecar is paused", (1, 1));
    signal(&scene.source, "-CONT");
    scene.over();

    // Who is frozen raises nothing; whoever else looks is told.
    signal(&scene.consumer, "-STOP");
    scene.told_by_list("the consumer is frozen", Some("too old"));
    signal(&scene.consumer, "-CONT");
    scene.over();
    scene.told_by_list("the consumer goes on", None);

    scene.stop_nats();
    scene.raised("the broker is down", (1, 1));
}

#[test]
fn stores_that_take_nothing() {
    if !is_there() {
        return;
    }
    let scene = Scene::begins(nothing, &[]);
    scene.over();
    let store = scene.store("orders", "store.db");
    store.execute_batch("BEGIN IMMEDIATE").expect("held");
    scene.raised("the consumer's store takes no writes", (1, 1));
    store.execute_batch("ROLLBACK").expect("let go");
    scene.over();

    // It consumes happily, each commit succeeds, and nothing is written.
    let tables = ["freehold_freshness", "freehold_watermark", "book_cache"];
    for (number, table) in tables.into_iter().enumerate() {
        for verb in ["INSERT", "UPDATE"] {
            let sql = format!(
                "CREATE TRIGGER silent_{number}_{verb} BEFORE {verb} ON {table} BEGIN SELECT RAISE(IGNORE); END"
            );
            store.execute_batch(&sql).expect("silenced");
        }
    }
    scene.raised("the consumer writes nothing, and does not know it", (1, 1));
    for number in 0..tables.len() {
        for verb in ["INSERT", "UPDATE"] {
            let sql = format!("DROP TRIGGER silent_{number}_{verb}");
            store.execute_batch(&sql).expect("not any more");
        }
    }
    scene.over();
    publish(scene.folder(), 5, 2);
    wait_for(scene.folder(), 5, 2);
}

#[test]
fn events_that_do_not_arrive() {
    if !is_there() {
        return;
    }
    let mut scene = Scene::begins(nothing, &[]);
    publish(scene.folder(), 5, 1);
    wait_for(scene.folder(), 5, 1);
    scene.over();

    // Nothing comes behind it, and its owner cannot be asked.
    let (shut, open) = (
        door(scene.folder()).with_extension("shut"),
        door(scene.folder()),
    );
    scene.while_it_is_away(|scene| {
        publish(scene.folder(), 5, 2);
        scene.until_sent();
        let purged = scene.ask_nats("$JS.API.STREAM.PURGE.freehold~book~changed~v1");
        assert!(purged.contains("\"success\":true"), "{purged}");
        fs::rename(&open, &shut).expect("shut");
    });
    scene.raised("the last event is lost", (1, 1));
    fs::rename(&shut, &open).expect("open again");
    scene.over();
    wait_for(scene.folder(), 5, 2);

    // One partition takes nothing of the publisher any more.
    let all = users(scene.folder());
    let may = "] }, subscribe";
    let catalog = all.find("# freehold: catalog").expect("its entry");
    let ends = catalog + all[catalog..].find(may).expect("its rights");
    let (before, after) = all.split_at(ends);
    let hanging = format!("{before}], deny: [\"freehold.book.changed.v1.1\"{after}");
    scene.set_users(&[hanging]);
    scene.raised("one partition hangs", (1, 1));
    scene.set_users(std::slice::from_ref(&all));
    scene.over();

    // Everybody's credentials are taken away while all runs.
    scene.set_users(&[]);
    publish(scene.folder(), 5, 3);
    scene.raised("credentials are revoked", (1, 1));
    scene.set_users(&[all]);
    scene.over();
    wait_for(scene.folder(), 5, 3);
}

#[test]
fn keys_that_stand_still() {
    if !is_there() {
        return;
    }
    let scene = Scene::begins(nothing, &[]);
    scene.over();
    publish_text(scene.folder(), "7", "{\"title\": \"whose?\"}");
    scene.raised("a key is stuck", (0, 1));
    let left_out = freehold(scene.folder(), &["events", "skip", "orders", "7"]).output();
    let left_out = left_out.expect("it runs");
    assert!(left_out.status.success(), "{left_out:?}");
    scene.told_by_list("an event was left out", Some("left out: 1"));
    scene.raised("an event was left out", (0, 1));
    publish(scene.folder(), 7, 1);
    scene.over();
    wait_for(scene.folder(), 7, 1);
}

#[test]
fn a_disk_that_is_full() {
    if !is_there() {
        return;
    }
    let Some(disk) = SmallDisk::of_megabytes(4) else {
        return;
    };
    let scene = Scene::begins(
        |folder| {
            let path = folder.join("freehold.yaml");
            let text = fs::read_to_string(&path).expect("read");
            let small = format!(
                "servers:\n  small: {{ engine: sqlite, url: \"sqlite:{}\" }}\n",
                disk.path().display()
            );
            fs::write(path, text.replace("servers:\n", &small)).expect("written");
            let path = folder.join("services/orders/service.yaml");
            let text = fs::read_to_string(&path).expect("read");
            fs::write(path, text.replace("server: main", "server: small")).expect("written");
        },
        &[],
    );
    // Where the test looks for it.
    let shown = scene.folder().join("data/orders");
    symlink(disk.path().join("orders"), shown).expect("linked");
    publish(scene.folder(), 5, 1);
    wait_for(scene.folder(), 5, 1);
    scene.over();
    disk.fill(0);
    // The log may have room left from before; what is large has to be written anew.
    let title = "long ".repeat(20_000);
    let payload = format!("{{\"bookId\": 6, \"title\": \"{title}\", \"version\": 1}}");
    publish_text(scene.folder(), "6", &payload);
    scene.raised("the consumer's disk is full", (1, 1));
    disk.empty();
    scene.over();
    wait_for(scene.folder(), 6, 1);
}

#[test]
fn input_that_is_wrong() {
    if !is_there() {
        return;
    }
    let scene = Scene::begins(nothing, &[]);
    let folder = scene.folder();
    scene.over();
    // What the outbox itself does not take.
    let store = scene.store("catalog", "store.db");
    for (topic, key, payload) in [
        ("book.changed.v1", "5", "{\"bookId\": 5"),
        ("Book changed", "5", "{}"),
        ("book.changed.v1", &"k".repeat(1_025), "{}"),
    ] {
        let sql = "INSERT INTO freehold_outbox (topic, key, payload) VALUES (?1, ?2, ?3)";
        let refused = store.execute(sql, (topic, key, payload));
        assert!(refused.is_err(), "{topic} {payload}");
    }
    // A version that nobody describes stands in nobody's way.
    let sql =
        "INSERT INTO freehold_outbox (topic, key, payload) VALUES ('book.changed.v9', '5', '{}')";
    store.execute(sql, []).expect("a form that is right");
    // A field of the wrong kind, none at all, and more than the broker takes.
    publish_text(
        folder,
        "7",
        "{\"bookId\": 7, \"title\": \"Seven\", \"version\": \"three\"}",
    );
    publish_text(folder, "8", "[]");
    let large = format!(
        "{{\"bookId\": 9, \"title\": \"{}\", \"version\": 1}}",
        "n".repeat(2 << 20)
    );
    publish_text(folder, "9", &large);
    publish(folder, 5, 1);
    wait_for(folder, 5, 1);
    scene.told_by_list("three keys are parked", Some("keys parked: 3"));
    let dead = freehold(folder, &["events", "dead", "--json"]).output();
    let dead: serde_json::Value =
        serde_json::from_slice(&dead.expect("it runs").stdout).expect("JSON");
    let causes = dead.as_array().expect("a list").iter();
    let causes = causes.map(|it| (it["event"]["key"].clone(), it["event"]["cause"].to_string()));
    let causes: Vec<_> = causes.collect();
    for (key, why) in [
        ("7", "is no version"),
        ("8", "has no `bookId`"),
        ("9", "FH3910"),
    ] {
        assert!(
            causes
                .iter()
                .any(|(of, cause)| of == key && cause.contains(why)),
            "{key}: {causes:?}"
        );
    }
}

#[test]
fn a_broker_with_the_data_of_another_cluster() {
    if !is_there() {
        return;
    }
    let mut other = Scene::begins(nothing, &[]);
    for book in [5, 77] {
        publish(other.folder(), book, 9);
        wait_for(other.folder(), book, 9);
    }
    other.stop_nats();
    let mut scene = Scene::begins(nothing, &[]);
    publish(scene.folder(), 5, 1);
    wait_for(scene.folder(), 5, 1);
    scene.enters_the_broker_of(&other);
    publish(scene.folder(), 5, 2);
    wait_for(scene.folder(), 5, 2);
    scene.over();
    let store = scene.store("orders", "store.db");
    let theirs = "SELECT count(*) FROM book_cache WHERE book_id = 77";
    let theirs: i64 = store.query_row(theirs, [], |row| row.get(0)).expect("read");
    assert_eq!(theirs, 0, "of another cluster's catalog");
}

/// An hour off, and by a library that not every machine has.
#[test]
fn a_clock_that_is_wrong() {
    const FAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";
    if !is_there() {
        return;
    }
    if !Path::new(FAKETIME).exists() {
        eprintln!("SKIPPED: libfaketime is not installed");
        return;
    }
    for off in ["-3600", "+3600"] {
        let variables = [
            ("LD_PRELOAD", FAKETIME),
            ("FAKETIME", off),
            ("DONT_FAKE_MONOTONIC", "1"),
        ];
        let scene = Scene::begins(nothing, &variables);
        publish(scene.folder(), 5, 1);
        wait_for(scene.folder(), 5, 1);
        scene.over();
        signal(&scene.source, "-STOP");
        scene.raised(
            &format!("the source is paused, its clock {off} s off"),
            (1, 1),
        );
        signal(&scene.source, "-CONT");
        scene.over();
    }
}

#[test]
fn an_idle_source_is_well_for_ten_minutes() {
    if !is_there() || !proves() {
        return;
    }
    let scene = Scene::begins(nothing, &[]);
    scene.over();
    scene.stays_well(Duration::from_mins(10));
}
