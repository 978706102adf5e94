//! A store whose ledger is of another format: the one before is brought up to date by `apply`, the
//! one after is worked with, and what is further ahead is refused.

use freehold_model::EngineKind;

use crate::world::{World, worlds};

const THINGS: &str = "CREATE TABLE things (id INTEGER NOT NULL);\n";

/// Statements that leave a ledger as the format before left it.
fn first_format(kind: EngineKind) -> &'static [&'static str] {
    match kind {
        EngineKind::Postgres => &[
            "ALTER TABLE freehold_ledger DROP COLUMN upto",
            "COMMENT ON TABLE freehold_ledger IS NULL",
        ],
        _ => &[
            "ALTER TABLE freehold_ledger DROP COLUMN upto",
            "DELETE FROM freehold_ledger WHERE kind = 'format'",
        ],
    }
}

/// A ledger that a newer freehold has changed: it added a column.
async fn set_format(world: &World, format: u32) {
    let says = match world.kind {
        EngineKind::Postgres => {
            format!("COMMENT ON TABLE freehold_ledger IS 'freehold''s ledger, format {format}'")
        }
        _ => {
            format!("UPDATE freehold_ledger SET checksum = '{format}' WHERE kind = 'format'")
        }
    };
    world.send(&[&says]).await;
}

async fn entries(world: &World) -> Vec<String> {
    let sql = "SELECT kind, id, checksum, state FROM freehold_ledger WHERE kind = 'migration' ORDER BY id";
    world.rows(sql).await
}

#[tokio::test]
async fn the_format_before_is_brought_up_to_date() {
    for world in worlds("upgraded").await {
        world.migration("0001_things.up.sql", THINGS);
        world.run(&["apply"]).done();
        let before = entries(&world).await;
        world.send(first_format(world.kind)).await;

        // Reading and small writing go on with it.
        assert!(world.run(&["status"]).done().contains("0001"));
        let plan = world.run(&["plan"]).done();
        assert!(
            plan.contains("~ ledger") && plan.contains("from format 1 to 2"),
            "{:?}: {plan}",
            world.kind
        );
        world.migration("0002_more.up.sql", "CREATE TABLE more (id INTEGER);\n");
        world.run(&["apply"]).done();
        assert_eq!(entries(&world).await[..1], before, "{:?}", world.kind);
        assert_eq!(entries(&world).await.len(), 2);
        let again = world.run(&["apply"]).done();
        assert!(again.contains("Nothing was sent"), "{again}");
        let upto = world
            .rows("SELECT upto FROM freehold_ledger WHERE id = '0002_more'")
            .await;
        assert_eq!(upto, ["NULL"]);
    }
}

#[tokio::test]
async fn an_upgrade_that_was_cut_off_goes_on() {
    for world in worlds("cut_upgrade").await {
        world.migration("0001_things.up.sql", THINGS);
        world.run(&["apply"]).done();
        if world.kind == EngineKind::Mariadb {
            // Where it commits in between: the column is there, and the format is not noted.
            world.send(&first_format(world.kind)[1..]).await;
            assert!(world.run(&["plan"]).done().contains("from format 1 to 2"));
            world.run(&["apply"]).done();
        }
        assert!(world.run(&["plan"]).done().contains("Nothing to do"));
    }
}

#[tokio::test]
async fn one_format_ahead_is_worked_with_and_two_are_refused() {
    for world in worlds("ahead").await {
        world.migration("0001_things.up.sql", THINGS);
        world.run(&["apply"]).done();
        world
            .send(&["ALTER TABLE freehold_ledger ADD COLUMN from_tomorrow INTEGER"])
            .await;
        set_format(&world, 3).await;
        assert!(
            world.run(&["plan"]).done().contains("Nothing to do"),
            "{:?}",
            world.kind
        );
        world.migration("0002_more.up.sql", "CREATE TABLE more (id INTEGER);\n");
        world.run(&["apply"]).done();
        assert_eq!(entries(&world).await.len(), 2);

        set_format(&world, 4).await;
        for command in ["plan", "apply", "status"] {
            let said = world.run(&[command]);
            assert_eq!(said.refused(3), ["FH3224"], "{:?} {command}", world.kind);
        }
        assert_eq!(entries(&world).await.len(), 2);
    }
}
