//! Planning as a login that may only read: the same plan as the administrator's, without its
//! password; what was not seen is said, and what has to be seen and is not is refused.

use freehold_engine::Secret;
use freehold_model::EngineKind;
use freehold_testkit::Must as _;

use crate::world::{World, world};

/// A login made by an administrator of the server, with nothing but what looking at accounts takes.
async fn login(world: &mut World, name: &str) {
    let server = world.server.clone().must("a server");
    let password = Secret::generate();
    let mut admin = server.connect().await;
    let host = "'127.0.0.1'";
    let statements = match world.kind {
        EngineKind::Postgres => vec![format!(
            "CREATE ROLE {name} LOGIN PASSWORD '{}'",
            password.expose()
        )],
        _ => vec![
            format!(
                "CREATE USER {name}@{host} IDENTIFIED BY '{}'",
                password.expose()
            ),
            format!("GRANT SELECT ON mysql.* TO {name}@{host}"),
        ],
    };
    for sql in &statements {
        admin.execute(sql).await.must("a login");
    }
    let url = server.admin.with_login(name, Some(password)).url();
    world.old.example.set("PLANNER_URL", url.expose());
}

fn describe(world: &World, more: &str) {
    let (system, kind) = (world.old.name(), world.kind);
    world.old.example.write(
        "freehold.yaml",
        &format!("system: {system}\nservers:\n  main: {{ engine: {kind}, url: \"env:OLD_URL\", planner_url: \"env:PLANNER_URL\" }}\nservices: [services/*]\n{more}"),
    );
}

/// Without the administrator's URL in reach.
fn by_planner(world: &World, arguments: &[&str]) -> crate::binary::Said {
    let mut command = world.old.example.command(arguments);
    let output = command.env_remove("OLD_URL").output().must("it runs");
    crate::binary::Said {
        code: output.status.code().must("an exit code"),
        out: String::from_utf8(output.stdout).expect("text"),
        err: String::from_utf8(output.stderr).expect("text"),
    }
}

async fn planners(name: &str) -> Vec<World> {
    let mut worlds = Vec::new();
    for kind in [EngineKind::Postgres, EngineKind::Mariadb] {
        let Some(mut world) = world(kind, name, "").await else {
            continue;
        };
        login(&mut world, &format!("{name}_planner")).await;
        let access =
            format!("access: [{{ who: {name}_planner, rights: plan, reason: \"plans in CI\" }}]\n");
        describe(&world, &access);
        world.migration(
            "0001_things.up.sql",
            "CREATE TABLE things (id INTEGER NOT NULL PRIMARY KEY, secret INTEGER);\n",
        );
        worlds.push(world);
    }
    worlds
}

#[tokio::test]
async fn it_plans_what_the_administrator_applies() {
    for world in planners("planned").await {
        // Nothing is there yet: what is seen of the server is enough.
        let plan = by_planner(&world, &["plan", "-o", "first.plan"]).done();
        assert!(plan.contains("+ migrate   0001_things"), "{plan}");
        world.run(&["apply", "./first.plan"]).done();

        let plan = by_planner(&world, &["plan", "--exit-code"]).done();
        assert!(
            plan.contains("Nothing to do") && plan.contains("FH3222"),
            "{:?}: {plan}",
            world.kind
        );
        let status = by_planner(&world, &["status", "--exit-code"]).done();
        assert!(status.contains("0001"), "{status}");

        // It may look, and read nothing.
        let url = world.old.example.variables["PLANNER_URL"].clone();
        let at = freehold_engine::Endpoint::parse(world.kind, &Secret::new(url)).must("a URL");
        let engine = crate::adopt::engine_of(world.kind);
        let mut login = engine
            .connect(&at.with_database(world.old.name()))
            .await
            .must("it enters");
        assert!(login.query("SELECT * FROM things", &[]).await.is_err());
        assert!(
            login
                .execute("CREATE TABLE mine (id INTEGER)")
                .await
                .is_err()
        );

        // Drift is seen, and a plan of it is the administrator's plan.
        world.migration(
            "0002_fill.up.sql",
            "-- freehold: batch by id 10\nUPDATE things SET secret = 1 WHERE id BETWEEN :from AND :to;\n",
        );
        world
            .send(&[match world.kind {
                EngineKind::Postgres => "GRANT SELECT ON things TO PUBLIC",
                _ => "REVOKE SELECT ON things FROM planned_app_1@'127.0.0.1'",
            }])
            .await;
        let plan = by_planner(&world, &["plan", "-o", "drift.plan"]).done();
        assert!(
            plan.contains("grant") && plan.contains("0002_fill"),
            "{plan}"
        );
        let seen = |world: &World| world.json(&["plan"])["stores"][0]["steps"].clone();
        let by_planner_seen = seen(&world);
        let file = world.old.example.path().join("freehold.yaml");
        let text = std::fs::read_to_string(&file).must("the description");
        let without = text.replace(", planner_url: \"env:PLANNER_URL\"", "");
        assert_ne!(without, text);
        std::fs::write(&file, without).must("written");
        assert_eq!(
            seen(&world),
            by_planner_seen,
            "{:?}: the administrator's plan",
            world.kind
        );
        std::fs::write(&file, text).must("written");
        world.send(&["CREATE TABLE by_hand (id INTEGER)"]).await;
        assert_eq!(
            world.run(&["apply", "./drift.plan"]).refused(3),
            ["FH3219"],
            "{:?}",
            world.kind
        );
        world.send(&["DROP TABLE by_hand"]).await;
        world.run(&["apply", "./drift.plan"]).done();
        assert!(
            by_planner(&world, &["plan"])
                .done()
                .contains("Nothing to do")
        );
        assert_ne!(
            by_planner(&world, &["apply"]).code,
            0,
            "it has no administrator"
        );
    }
}

#[tokio::test]
async fn what_it_may_not_see_is_no_empty_plan() {
    for world in planners("unplanned").await {
        // Applied without the right: the login stands outside.
        describe(&world, "");
        world.run(&["apply"]).done();
        for command in ["plan", "status"] {
            let said = by_planner(&world, &[command]);
            assert_eq!(
                said.refused(3),
                ["FH3221"],
                "{:?} {command}: {}",
                world.kind,
                said.out
            );
            assert!(said.err.contains("rights: plan"), "{}", said.err);
        }
    }
}
