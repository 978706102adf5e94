//! Leaving freehold: the program works on with the password that it has, nothing of freehold's is
//! left, and what was known brings the store back.

use std::process::Stdio;

use freehold_engine::{Connection, Endpoint, Secret};
use freehold_model::EngineKind;
use freehold_testkit::Must as _;

use crate::adopt::engine_of;
use crate::world::{World, worlds};

/// A store with an append-only table, rows, and a program that has its password in a file.
fn prepared(world: &World) {
    let id = match world.kind {
        EngineKind::Sqlite => "INTEGER PRIMARY KEY",
        _ => "BIGINT NOT NULL PRIMARY KEY",
    };
    let service = world.old.example.path().join("services/old/service.yaml");
    let text = std::fs::read_to_string(&service).must("the description");
    let more =
        "tables:\n  entries: { append_only: true }\ncredentials: { deliver: \"file:secrets\" }\n";
    std::fs::write(&service, text.replace(more, "") + more).must("written");
    world.migration(
        "0001_things.up.sql",
        &format!("CREATE TABLE things (id {id}, a INTEGER);\nCREATE TABLE entries (id {id}, a INTEGER);\n"),
    );
    world.migration(
        "0001_things.down.sql",
        "DROP TABLE entries;\nDROP TABLE things;\n",
    );
    world.old.put(
        "seeds/01_things.up.sql",
        match world.kind {
            EngineKind::Mariadb => {
                "INSERT INTO things VALUES (1, 1) ON DUPLICATE KEY UPDATE a = 1;\n"
            }
            _ => "INSERT INTO things VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET a = 1;\n",
        },
    );
    world.old.put(
        "seeds/01_things.down.sql",
        "DELETE FROM things WHERE id = 1;\n",
    );
    world.run(&["apply"]).done();
    world.run(&["seed"]).done();
}

/// The program's connection, with the credential that it was given once.
async fn program(world: &World) -> Box<dyn Connection> {
    let file = world
        .old
        .example
        .path()
        .join("services/old/secrets/DATABASE_URL");
    let url = std::fs::read_to_string(&file).must("the program's credential");
    let at = Endpoint::parse(world.kind, &Secret::new(url.trim())).must("its URL");
    engine_of(world.kind)
        .connect(&at)
        .await
        .must("the program enters")
}

/// It reads and writes, and cannot change what is append-only.
async fn works(world: &World, row: i64) {
    if world.kind == EngineKind::Sqlite {
        // Programs bring their own library: nothing of freehold's is needed to open the file.
        world
            .send(&[
                &format!("INSERT INTO things VALUES ({row}, 1)"),
                &format!("INSERT INTO entries VALUES ({row}, 1)"),
            ])
            .await;
        let db = rusqlite::Connection::open(world.file()).expect("the file");
        assert!(db.execute("DELETE FROM entries", []).is_err());
        return;
    }
    let mut program = program(world).await;
    for sql in [
        format!("INSERT INTO things (id, a) VALUES ({row}, 1)"),
        format!("UPDATE things SET a = 2 WHERE id = {row}"),
        format!("INSERT INTO entries (id, a) VALUES ({row}, 1)"),
    ] {
        program.execute(&sql).await.must(&sql);
    }
    assert!(
        program.execute("DELETE FROM entries").await.is_err(),
        "{:?}",
        world.kind
    );
}

/// What is left on the server that says `freehold`, or is one of the identities that go.
async fn traces(world: &World) -> Vec<String> {
    let name = world.old.name();
    let sql = match world.kind {
        EngineKind::Sqlite => {
            "SELECT name FROM sqlite_schema WHERE name LIKE '%freehold%' OR sql LIKE '%freehold%' UNION ALL \
             SELECT 'id' FROM pragma_application_id WHERE application_id <> 0".to_owned()
        }
        EngineKind::Postgres => format!(
            "SELECT relname::text FROM pg_class WHERE relname LIKE '%freehold%' UNION ALL \
             SELECT proname::text FROM pg_proc WHERE proname LIKE '%freehold%' UNION ALL \
             SELECT description FROM pg_shdescription WHERE description LIKE 'freehold:%/{name}/%' UNION ALL \
             SELECT rolname::text FROM pg_roles WHERE rolname IN ('{name}_sidecar', '{name}_backup', '{name}_issuer', '{name}_migrator')"
        ),
        _ => format!(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = '{name}' AND table_name LIKE '%freehold%' UNION ALL \
             SELECT routine_name FROM information_schema.routines WHERE routine_schema = '{name}' UNION ALL \
             SELECT schema_comment FROM information_schema.schemata WHERE schema_comment LIKE 'freehold:%/{name}/%' UNION ALL \
             SELECT user FROM mysql.user WHERE user IN ('{name}_sidecar', '{name}_backup', '{name}_issuer')"
        ),
    };
    world.rows(&sql).await
}

#[tokio::test]
async fn a_store_is_left_and_works_on_and_comes_back() {
    for world in worlds("ejected").await {
        prepared(&world);
        works(&world, 10).await;
        let said = world.run(&["eject"]).done();
        assert!(
            said.contains("Nothing was changed")
                && said.contains("remains ")
                && said.contains("by hand "),
            "{said}"
        );
        assert!(world.run(&["plan"]).done().contains("Nothing to do"));
        assert!(!world.old.example.path().join("freehold-eject").exists());

        let said = world.run(&["eject", "--yes"]).done();
        assert!(said.contains("1 store left"), "{said}");
        works(&world, 11).await;
        assert_eq!(
            traces(&world).await,
            Vec::<String>::new(),
            "{:?}",
            world.kind
        );
        let again = world.run(&["eject", "--yes"]);
        assert_ne!(again.code, 0, "it is nobody's of freehold: {}", again.out);
        assert_ne!(world.run(&["plan"]).code, 0);
        let rows = world.rows("SELECT count(*) FROM things").await;
        assert_eq!(rows, ["3"]);

        let back = world
            .run(&["adopt", world.old.name(), "--from", "freehold", "--yes"])
            .done();
        assert!(back.contains("1 migration recorded as applied"), "{back}");
        let plan = world.run(&["plan"]).done();
        assert!(plan.contains("Nothing to do"), "{:?}: {plan}", world.kind);
        works(&world, 12).await;
        // What was seeded is known as well: undoing and going back work as if nothing had been.
        world.run(&["seed", "--undo"]).done();
        world.run(&["rollback", "--yes"]).done();
        // The program's session may still be on its way out.
        world.run(&["destroy", "--force", "--yes"]).done();
    }
}

/// Killed at any time, it goes on, and the file that was written first keeps what was known.
#[tokio::test]
async fn killed_anywhere_it_goes_on() {
    for world in worlds("eject_kill").await {
        for pause in [5, 15, 30, 50, 80, 120] {
            prepared(&world);
            let mut command = world.old.example.command(&["eject", "--yes"]);
            let running = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
            let mut running = running.must("it runs");
            std::thread::sleep(std::time::Duration::from_millis(pause));
            let done = running.try_wait().must("its state").is_some();
            running.kill().ok();
            running.wait().must("ended");
            let again = world.run(&["eject", "--yes"]);
            assert!(
                again.code == 0 || done || traces(&world).await.is_empty(),
                "{:?} {pause}: {}",
                world.kind,
                again.err
            );
            assert_eq!(
                traces(&world).await,
                Vec::<String>::new(),
                "{:?} {pause}",
                world.kind
            );
            works(&world, 20).await;
            world
                .run(&["adopt", world.old.name(), "--from", "freehold", "--yes"])
                .done();
            assert!(world.run(&["plan"]).done().contains("Nothing to do"));
            // The program's session may still be on its way out.
            world.run(&["destroy", "--force", "--yes"]).done();
            std::fs::remove_dir_all(world.old.example.path().join("services/old/secrets")).ok();
        }
    }
}

#[tokio::test]
async fn what_is_not_there_or_half_done_is_not_left() {
    for world in worlds("eject_not").await {
        assert_eq!(
            world.run(&["eject"]).refused(3),
            ["FH3404"],
            "{:?}",
            world.kind
        );
        prepared(&world);
        world
            .send(&["UPDATE freehold_ledger SET state = 'applying' WHERE kind = 'migration'"])
            .await;
        assert_eq!(
            world.run(&["eject", "--yes"]).refused(3),
            ["FH3405"],
            "{:?}",
            world.kind
        );
        assert!(!traces(&world).await.is_empty(), "nothing was removed");
    }
}

#[tokio::test]
async fn a_file_of_another_store_does_not_bring_this_one_back() {
    for world in worlds("eject_other").await {
        prepared(&world);
        world.run(&["eject", "--yes"]).done();
        let name = world.old.name();
        let file = world
            .old
            .example
            .path()
            .join(format!("freehold-eject/{name}.json"));
        let text = std::fs::read_to_string(&file).must("the file");
        let adopt = |text: &str| {
            std::fs::write(&file, text).must("written");
            world.run(&["adopt", name, "--from", "freehold", "--yes"])
        };
        let other = text.replace("\"store\": \"eject_other\"", "\"store\": \"orders\"");
        assert_eq!(adopt(&other).refused(3), ["FH3407"]);
        assert_eq!(adopt("{}").refused(3), ["FH3407"]);
        world.migration("0001_things.up.sql", "CREATE TABLE things (id INTEGER);\n");
        assert_eq!(adopt(&text).refused(3), ["FH3201"], "{:?}", world.kind);
    }
}
