//! Expand and contract: what an expand migration may hold, and when a contract one runs.

use freehold_model::EngineKind;
use freehold_testkit::Must as _;

use crate::world::{World, world, worlds};

fn prepared(world: &World) {
    world.migration(
        "0001_things.up.sql",
        "CREATE TABLE things (id INTEGER NOT NULL, old INTEGER);\n",
    );
    world.run(&["apply"]).done();
    world.migration(
        "0002_new.up.sql",
        "-- freehold: phase: expand\nALTER TABLE things ADD COLUMN new INTEGER;\n",
    );
    world.migration(
        "0003_drop.up.sql",
        "-- freehold: phase: contract\nALTER TABLE things DROP COLUMN old;\nCREATE TABLE later (id INTEGER);\n",
    );
    world.migration("0004_more.up.sql", "CREATE TABLE more (id INTEGER);\n");
}

#[tokio::test]
async fn a_contract_waits_until_it_is_let_through() {
    for world in worlds("phased").await {
        prepared(&world);
        let plan = world.run(&["plan"]).done();
        assert!(
            plan.contains("+ migrate   0002_new  1 statement")
                && plan.contains("held back: contract 0003_drop; behind it 0004_more"),
            "{:?}: {plan}",
            world.kind
        );
        let applied = world.run(&["apply"]).done();
        assert!(
            applied.contains("held back: contract 0003_drop"),
            "{applied}"
        );

        // What waits is no difference: nothing is sent, and a scheduled look finds nothing.
        assert!(world.run(&["apply"]).done().contains("Nothing was sent"));
        let plan = world.run(&["plan", "--exit-code"]).done();
        assert!(plan.contains("held back: contract 0003_drop"), "{plan}");
        let status = world.run(&["status", "--exit-code"]).done();
        assert!(
            status.contains("0002, held back: contract 0003_drop"),
            "{status}"
        );
        let status = world.json(&["status"]);
        assert_eq!(
            status["stores"][0]["held_back"],
            serde_json::json!(["0003_drop", "0004_more"])
        );
        assert_eq!(status["stores"][0]["pending"], 0);

        let plan = world.run(&["plan", "--contract", "-o", "with.plan"]).done();
        assert!(plan.contains("0003_drop, 0004_more"), "{plan}");
        world.run(&["apply", "./with.plan"]).done();
        assert!(world.run(&["status"]).done().contains("0004"));
        assert!(world.run(&["plan"]).done().contains("Nothing to do"));
    }
}

#[tokio::test]
async fn a_new_store_gets_all_of_them_at_once() {
    for world in worlds("phased_new").await {
        prepared(&world);
        world.run(&["apply", "--contract"]).done();
        world.run(&["destroy", "--yes"]).done();
        let applied = world.run(&["apply"]).done();
        assert!(
            applied.contains("0001_things, 0002_new, 0003_drop, 0004_more"),
            "{applied}"
        );
    }
}

#[tokio::test]
async fn a_plan_without_it_does_not_let_it_through() {
    let world = world(EngineKind::Sqlite, "phased_plan", "")
        .await
        .must("a world");
    prepared(&world);
    world.run(&["plan", "-o", "without.plan"]).done();
    world.run(&["apply", "./without.plan"]).done();
    let columns = world
        .rows("SELECT name FROM pragma_table_info('things')")
        .await;
    assert_eq!(columns, ["id", "old", "new"]);
}

#[tokio::test]
async fn an_expand_migration_takes_nothing_away() {
    for world in worlds("phased_bad").await {
        prepared(&world);
        world.migration(
            "0002_new.up.sql",
            "-- freehold: phase: expand\nALTER TABLE things ADD COLUMN new INTEGER;\nALTER TABLE things DROP COLUMN old;\n",
        );
        let refused = world.run(&["apply"]);
        assert_eq!(refused.refused(2), ["FH1247"], "{:?}", world.kind);
        assert!(
            refused.err.contains("0002_new.up.sql:3:1") && refused.err.contains("drops a column"),
            "{}",
            refused.err
        );
        assert!(world.run(&["explain", "FH1247"]).done().contains("FH1247"));
    }
}
