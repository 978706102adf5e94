//! Batched migrations of data: each range and how far it came are one transaction, so that a run
//! may be killed anywhere. The witness counts in each row how often it was changed.

use std::process::Stdio;
use std::time::Duration;

use freehold_model::EngineKind;

use crate::world::{World, worlds};

const ROWS: i64 = 1_000;
const FILL: &str = "-- freehold: batch by id 100\n\
    UPDATE things SET times = times + 1, b = a * 2 WHERE id BETWEEN :from AND :to;\n";

/// A store with rows whose keys have gaps, some below zero.
async fn prepared(world: &World) {
    world.migration(
        "0001_things.up.sql",
        "CREATE TABLE things (id BIGINT NOT NULL PRIMARY KEY, a BIGINT NOT NULL, b BIGINT, times INTEGER NOT NULL DEFAULT 0);\n",
    );
    world.run(&["apply"]).done();
    let values: Vec<_> = (0..ROWS)
        .map(|at| format!("({}, {at})", at * 3 - 50))
        .collect();
    let insert = format!("INSERT INTO things (id, a) VALUES {}", values.join(", "));
    world.send(&[&insert]).await;
}

async fn wrong(world: &World, times: i64) -> Vec<String> {
    world
        .rows(&format!(
            "SELECT id, times FROM things WHERE times <> {times} OR b <> a * 2 OR b IS NULL"
        ))
        .await
}

async fn upto(world: &World) -> Vec<String> {
    world
        .rows("SELECT state, upto FROM freehold_ledger WHERE id = '0002_fill'")
        .await
}

#[tokio::test]
async fn each_row_is_changed_once_and_the_plan_says_how_many() {
    for world in worlds("batched").await {
        prepared(&world).await;
        world.migration("0002_fill.up.sql", FILL);
        world.migration(
            "0002_fill.down.sql",
            "UPDATE things SET times = times + 1 WHERE id >= :from AND id <= :to;\n",
        );
        let plan = world.run(&["plan"]).done();
        assert!(
            plan.contains("0002_fill  100 rows at a time by things.id"),
            "{:?}: {plan}",
            world.kind
        );
        let plan = world.json(&["plan"]);
        let batches = &plan["stores"][0]["migrations"][0]["batches"];
        assert_eq!(
            (&batches["table"], &batches["size"]),
            (&"things".into(), &100.into())
        );

        world.run(&["apply"]).done();
        assert_eq!(
            wrong(&world, 1).await,
            Vec::<String>::new(),
            "{:?}",
            world.kind
        );
        let last = ROWS * 3 - 53;
        assert_eq!(upto(&world).await, [format!("done|{last}")]);
        assert!(world.run(&["apply"]).done().contains("Nothing was sent"));

        world.run(&["rollback", "--yes"]).done();
        assert_eq!(
            wrong(&world, 2).await,
            Vec::<String>::new(),
            "{:?}",
            world.kind
        );
        assert_eq!(upto(&world).await, Vec::<String>::new());
        world.run(&["apply"]).done();
        assert_eq!(
            wrong(&world, 3).await,
            Vec::<String>::new(),
            "{:?}",
            world.kind
        );
    }
}

#[tokio::test]
async fn a_batch_that_fails_is_gone_on_from() {
    for world in worlds("batched_stop").await {
        prepared(&world).await;
        let checked = match world.kind {
            EngineKind::Sqlite => {
                "CREATE TRIGGER stop BEFORE UPDATE ON things WHEN new.id = 1000 BEGIN SELECT RAISE(ABORT, 'no such luck'); END"
            }
            _ => "ALTER TABLE things ADD CONSTRAINT stop CHECK (id <> 1000 OR times = 0)",
        };
        world.send(&[checked]).await;
        world.migration("0002_fill.up.sql", FILL);
        let stopped = world.run(&["apply"]);
        assert_eq!(stopped.refused(3), ["FH3225"], "{:?}", world.kind);
        assert!(
            stopped
                .err
                .contains("stopped in the batch of id 850 to 1147"),
            "{}",
            stopped.err
        );
        assert_eq!(upto(&world).await, ["applying|847"]);
        assert!(
            world.run(&["plan"]).done().contains("goes on after 847"),
            "{:?}",
            world.kind
        );

        let dropped = match world.kind {
            EngineKind::Sqlite => "DROP TRIGGER stop",
            _ => "ALTER TABLE things DROP CONSTRAINT stop",
        };
        world.send(&[dropped]).await;
        world.run(&["apply"]).done();
        assert_eq!(
            wrong(&world, 1).await,
            Vec::<String>::new(),
            "{:?}",
            world.kind
        );
    }
}

/// Killed at random times until it is done; `FREEHOLD_PROVE=1` makes it many more rounds.
#[tokio::test]
async fn killed_anywhere_it_goes_on() {
    let rounds = if std::env::var_os("FREEHOLD_PROVE").is_some() {
        20
    } else {
        1
    };
    for world in worlds("batched_kill").await {
        prepared(&world).await;
        let mut killed = 0;
        for round in 1..=rounds {
            // One row at a time: a thousand transactions to be killed between.
            let fill = FILL.replace("by id 100", "by id 1");
            world.migration(&format!("{:04}_fill.up.sql", round + 1), &fill);
            let mut pause = 40;
            loop {
                let mut command = world.old.example.command(&["apply"]);
                let running = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
                let mut running = running.expect("it runs");
                std::thread::sleep(Duration::from_millis(pause));
                if let Some(ended) = running.try_wait().expect("its state") {
                    assert!(ended.success() || killed > 0, "{:?}", world.kind);
                    if ended.success() {
                        break;
                    }
                } else {
                    running.kill().expect("killed");
                    running.wait().expect("ended");
                    killed += 1;
                }
                pause += 37;
            }
            let times = i64::from(round);
            assert_eq!(
                wrong(&world, times).await,
                Vec::<String>::new(),
                "{:?}",
                world.kind
            );
        }
        assert!(killed > 0, "{:?}: nothing was killed", world.kind);
        assert!(world.run(&["plan"]).done().contains("Nothing to do"));
    }
}

#[tokio::test]
async fn bad_forms_are_refused_before_anything_changes() {
    for world in worlds("batched_bad").await {
        prepared(&world).await;
        world.migration("0009_other.up.sql", "CREATE TABLE other (id INTEGER);\n");
        let refused = |text: &str, exit: i32| {
            world.migration("0002_fill.up.sql", text);
            let said = world.run(&["apply"]);
            (said.refused(exit), said.err)
        };
        for (text, code) in [
            (
                "-- freehold: batch by id\nUPDATE things SET b = 1;\n",
                "FH1248",
            ),
            (
                "-- freehold: batch by id 10\nUPDATE things SET b = 1;\n",
                "FH1249",
            ),
            (
                "-- freehold: batch by id 10\n-- freehold: no_transaction\nUPDATE things SET b = 1 WHERE id BETWEEN :from AND :to;\n",
                "FH1249",
            ),
        ] {
            let (codes, err) = refused(text, 2);
            assert!(codes.iter().all(|found| found == code), "{text}: {err}");
        }
        for column in ["b", "nowhere"] {
            let fill = FILL.replace("batch by id", &format!("batch by {column}"));
            let (codes, err) = refused(&fill, 3);
            assert_eq!(codes, ["FH3226"], "{:?}: {err}", world.kind);
        }
        let ledger = "SELECT id FROM freehold_ledger WHERE kind = 'migration'";
        assert_eq!(world.rows(ledger).await, ["0001_things"]);
        assert_eq!(wrong(&world, 0).await.len(), 1000, "no row was changed");
    }
}
