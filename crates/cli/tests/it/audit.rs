//! `audit` without `--url`: a described system held against real servers, with planted ways in.
//!
//! Each way that is planted has to be found by its code, and the repairs that the report prints,
//! sent as they are printed, have to close it again.

mod live;

use freehold_engine::{Connection, Secret};
use freehold_model::EngineKind;
use freehold_testkit::{Must as _, TestServer};

use crate::adopt::Old;
use crate::world::World;

/// A store of a service `name` on a server that nobody else uses, applied. `access`: entries of the
/// description.
async fn applied(kind: EngineKind, name: &str, access: &str) -> Option<World> {
    let server = TestServer::alone(kind).await?;
    let old = Old::new(kind.name(), server.admin.url().expose(), name, "");
    let world = World {
        kind,
        old,
        server: Some(server),
    };
    let system = format!(
        "system: {name}\nservers:\n  main: {{ engine: {kind}, url: \"env:OLD_URL\" }}\nservices: [services/*]\naccess:\n{}{access}",
        others(&world).await
    );
    world.old.example.write("freehold.yaml", &system);
    world.migration(
        "0001_books.up.sql",
        "CREATE TABLE books (id INTEGER NOT NULL PRIMARY KEY, title VARCHAR(50));\nCREATE TABLE stock (id INTEGER NOT NULL PRIMARY KEY);\n",
    );
    world.run(&["apply"]).done();
    Some(world)
}

/// Administrators that a fresh server brings beside the one of the URL, as entries of `access:`.
async fn others(world: &World) -> String {
    let server = world.server.clone().must("a server");
    let mut admin = server.connect().await;
    let sql = match world.kind {
        EngineKind::Postgres => {
            "SELECT rolname::text FROM pg_roles WHERE rolsuper AND rolname <> session_user"
        }
        _ => {
            "SELECT CONCAT(User, '@', Host) FROM mysql.user WHERE is_role <> 'Y' AND CONCAT(User, '@', Host) <> CURRENT_USER() AND User <> 'mariadb.sys'"
        }
    };
    let rows = admin.query(sql, &[]).await.must("administrators");
    let entry = |row: &Vec<freehold_engine::Value>| match &row[0] {
        freehold_engine::Value::Text(name) => {
            format!("  - {{ who: \"{name}\", rights: admin, reason: \"came with the server\" }}\n")
        }
        other => panic!("{other:?}"),
    };
    rows.iter().map(entry).collect()
}

/// Code and message of everything that was found, the system's before the stores'.
fn found(report: &serde_json::Value) -> Vec<(String, String, String)> {
    let of = |list: &serde_json::Value| -> Vec<(String, String, String)> {
        let text = |own: &serde_json::Value, key: &str| own[key].as_str().must("a text").to_owned();
        let list = list.as_array().must("a list");
        list.iter()
            .map(|own| (text(own, "code"), text(own, "message"), text(own, "repair")))
            .collect()
    };
    let mut all = of(&report["findings"]);
    for store in report["stores"].as_array().must("stores") {
        all.extend(of(&store["findings"]));
    }
    all
}

#[track_caller]
fn says(found: &[(String, String, String)], code: &str, words: &[&str]) {
    let is = |own: &&(String, String, String)| {
        own.0 == code && words.iter().all(|word| own.1.contains(word))
    };
    assert!(
        found.iter().any(|own| is(&own)),
        "{code} {words:?}: {found:#?}"
    );
}

/// Statements between backticks in the repairs of these codes.
fn statements(found: &[(String, String, String)], codes: &[&str]) -> Vec<String> {
    let repairs = found.iter().filter(|own| codes.contains(&own.0.as_str()));
    let spans = repairs.flat_map(|own| own.2.split('`').skip(1).step_by(2));
    let sql = |text: &&str| {
        ["REVOKE", "ALTER", "DROP", "SELECT pg_terminate"]
            .iter()
            .any(|word| text.starts_with(word))
    };
    let mut all: Vec<String> = spans.filter(sql).map(str::to_owned).collect();
    all.dedup();
    all
}

async fn enter(world: &World, login: &str) -> Box<dyn Connection> {
    let server = world.server.clone().must("a server");
    let engine = freehold_builtin::engine(world.kind).must("an engine");
    let at = server
        .admin
        .with_database(world.old.name())
        .with_login(login, Some(Secret::new("x".to_owned())));
    engine.connect(&at).await.must("it enters")
}

/// Sends what the report says until nothing is found; gives up after a few rounds.
async fn repaired(world: &World, mut report: serde_json::Value) {
    for _ in 0..4 {
        let all = found(&report);
        for sql in statements(
            &all,
            &["FH2301", "FH2303", "FH2306", "FH2308", "FH2309", "FH2310"],
        ) {
            // What an earlier statement of the same round did already is refused.
            if sql.contains(" FROM ") || sql.starts_with("ALTER") || sql.starts_with("DROP") {
                let _ = try_send(world, &sql).await;
            }
        }
        world.run(&["apply"]).done();
        report = world.json(&["audit"]);
        if report["verdict"] == "closed" {
            return;
        }
    }
    panic!("{report:#}");
}

async fn try_send(world: &World, sql: &str) -> Result<(), freehold_engine::Error> {
    let server = world.server.clone().must("a server");
    let engine = freehold_builtin::engine(world.kind).must("an engine");
    let at = server.admin.with_database(world.old.name());
    let mut admin = engine.connect(&at).await.must("the administrator enters");
    let done = admin.execute(sql).await;
    if let Err(error) = &done {
        eprintln!("{sql}: {error}");
    }
    done
}

#[tokio::test]
async fn postgres_is_as_described_exactly() {
    let Some(world) = applied(EngineKind::Postgres, "audited", "").await else {
        return;
    };
    let said = world.run(&["audit"]);
    assert_eq!(said.code, 0, "{}\n{}", said.out, said.err);
    assert!(said.out.contains("● closed"), "{}", said.out);
    world
        .send(&[
            "CREATE ROLE reporting",
            "GRANT CONNECT ON DATABASE audited TO reporting",
            "GRANT USAGE ON SCHEMA public TO reporting",
            "GRANT SELECT ON books TO reporting",
            "CREATE ROLE bi LOGIN PASSWORD 'x' IN ROLE reporting",
            "CREATE ROLE second_dba SUPERUSER LOGIN",
            "CREATE ROLE reader LOGIN IN ROLE pg_read_all_data",
            "GRANT CONNECT ON DATABASE audited TO reader",
            "GRANT audited_owner TO audited_app_1",
            "GRANT TRUNCATE ON stock TO audited_app",
            "REVOKE SELECT ON books FROM audited_backup",
            "ALTER DEFAULT PRIVILEGES FOR ROLE audited_owner GRANT SELECT ON TABLES TO reporting",
            "CREATE FUNCTION anything(q text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN EXECUTE q; END $$",
            "ALTER FUNCTION anything(text) OWNER TO audited_owner",
        ])
        .await;
    let session = enter(&world, "bi").await;
    let said = world.run(&["audit"]);
    assert_eq!(said.code, 1, "{}", said.out);
    let report = world.json(&["audit"]);
    let all = found(&report);
    says(&all, "FH2308", &["`bi`", "reporting"]);
    says(&all, "FH2308", &["`second_dba`", "no rule applies"]);
    says(&all, "FH2308", &["`reader`", "pg_read_all_data"]);
    says(&all, "FH2309", &["`audited_app_1`", "audited_owner"]);
    says(&all, "FH2309", &["TRUNCATE"]);
    says(&all, "FH2312", &["audited_backup"]);
    says(&all, "FH2306", &["reporting"]);
    says(&all, "FH2303", &["anything"]);
    says(&all, "FH2310", &["`bi`"]);
    repaired(&world, report).await;
    drop(session);
}

#[tokio::test]
async fn mariadb_is_as_described_exactly() {
    let Some(world) = applied(EngineKind::Mariadb, "audited", "").await else {
        return;
    };
    let said = world.run(&["audit"]);
    assert_eq!(said.code, 0, "{}\n{}", said.out, said.err);
    world
        .send(&[
            "CREATE USER bi@'127.0.0.1' IDENTIFIED BY 'x'",
            "GRANT SELECT ON audited.* TO bi@'127.0.0.1'",
            "CREATE ROLE reporting",
            "GRANT SELECT ON audited.books TO reporting",
            "CREATE USER chained@'127.0.0.1' IDENTIFIED BY 'x'",
            "GRANT reporting TO chained@'127.0.0.1'",
            "CREATE USER files@'127.0.0.1' IDENTIFIED BY 'x'",
            "GRANT FILE ON *.* TO files@'127.0.0.1'",
            "CREATE USER audited_app_1@'10.%' IDENTIFIED BY 'x'",
            "GRANT SELECT ON audited.books TO audited_app_1@'10.%'",
            "GRANT CREATE USER ON *.* TO audited_sidecar@'127.0.0.1'",
        ])
        .await;
    let session = enter(&world, "bi").await;
    let report = world.json(&["audit"]);
    let all = found(&report);
    says(&all, "FH2308", &["`bi@127.0.0.1`"]);
    says(&all, "FH2308", &["`chained@127.0.0.1`", "reporting"]);
    says(&all, "FH2308", &["`files@127.0.0.1`", "FILE"]);
    says(&all, "FH2308", &["`audited_app_1@10.%`"]);
    says(&all, "FH2309", &["`audited_sidecar"]);
    says(&all, "FH2310", &["`bi@127.0.0.1`"]);
    drop(session);
    repaired(&world, report).await;
}

#[tokio::test]
async fn an_access_that_ended_is_told() {
    let access =
        "  - { who: bi, rights: read, reason: \"the monthly figures\", until: 2026-01-31 }\n";
    let Some(world) = applied_with_login(access).await else {
        return;
    };
    let report = world.json(&["audit"]);
    let all = found(&report);
    says(
        &all,
        "FH2311",
        &["`bi`", "the monthly figures", "2026-01-31"],
    );
    assert_eq!(all.len(), 1, "{all:#?}");
}

/// A PostgreSQL store whose description names the login `bi`.
async fn applied_with_login(access: &str) -> Option<World> {
    let world = applied(EngineKind::Postgres, "audited", "").await?;
    world.send(&["CREATE ROLE bi LOGIN"]).await;
    world
        .old
        .example
        .edit("freehold.yaml", |text| text + access);
    world.run(&["apply"]).done();
    Some(world)
}

/// Rights that a migration gives are looked at again where the store keeps what it had.
#[tokio::test]
async fn what_a_migration_leaves_open_is_told_by_apply() {
    let Some(world) = applied(EngineKind::Postgres, "audited", "").await else {
        return;
    };
    let service = "service: audited\nteam: team-old\nstore: { server: main, prune: false }\n";
    world.old.put("service.yaml", service);
    world.migration(
        "0002_more.up.sql",
        "CREATE TABLE plain (id INTEGER PRIMARY KEY);\n",
    );
    let said = world.run(&["apply"]).done();
    assert!(!said.contains("left open"), "{said}");
    world.migration(
        "0003_open.up.sql",
        "CREATE FUNCTION anything(q text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN EXECUTE q; END $$;\nGRANT EXECUTE ON FUNCTION anything(text) TO audited_app;\nALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC;\n",
    );
    let said = world.run(&["apply"]).done();
    for code in [
        "note[FH2303]: audited: a migration left open",
        "note[FH2306]",
    ] {
        assert!(said.contains(code), "{code}: {said}");
    }
}

/// Kept, compared and handed on as the audit of one database is.
#[tokio::test]
async fn a_described_audit_is_kept_and_compared() {
    let Some(world) = applied(EngineKind::Postgres, "audited", "").await else {
        return;
    };
    world
        .send(&["CREATE ROLE second_dba SUPERUSER LOGIN"])
        .await;
    let files = [
        "--out",
        "kept.json",
        "--metrics",
        "kept.prom",
        "--html",
        "kept.html",
    ];
    let said = world.run(&[&["audit"][..], &files].concat());
    assert_eq!(said.code, 1, "{}\n{}", said.out, said.err);
    let file = |name: &str| std::fs::read_to_string(world.old.example.path().join(name)).must(name);
    assert!(
        file("kept.prom")
            .contains("store_findings{system=\"audited\",store=\"audited\",code=\"FH2308\"} 1"),
        "{}",
        file("kept.prom")
    );
    assert!(file("kept.html").contains("second_dba"));
    assert_eq!(world.run(&["audit", "--baseline", "kept.json"]).code, 0);
    world.send(&["CREATE ROLE third_dba SUPERUSER LOGIN"]).await;
    assert_eq!(world.run(&["audit", "--baseline", "kept.json"]).code, 1);
    // The curve: one thing more than in the audit that was kept.
    let curve = world.json(&["audit", "--earlier", "kept.json"]);
    let points = curve["history"].as_array().must("a curve");
    let at = |point: usize, key: &str| points[point][key].as_u64().must("a number");
    assert_eq!(points.len(), 2, "{points:#?}");
    assert_eq!(at(1, "findings"), at(0, "findings") + 1);
    assert_eq!((at(1, "new"), at(1, "mended")), (1, 0));
    let said = world.run(&["audit", "--earlier", "kept.json"]);
    assert!(said.out.contains("over time    "), "{}", said.out);
    // An audit of one database is none of a system.
    let url = world.old.example.variables["OLD_URL"].clone();
    world.old.example.write("one.url", &url);
    world.run(&["audit", "--url", "file:one.url", "--out", "one.json"]);
    let said = world.run(&["audit", "--baseline", "one.json"]);
    assert_eq!(said.refused(2), ["FH2209"]);
    let said = world.run(&["audit", "nobodys_service"]);
    assert_eq!(said.refused(2), ["FH1307"]);
}

/// A store of files: who reads them nobody can say, and that is said.
#[test]
fn a_store_without_logins_is_not_known() {
    let old = Old::new("sqlite", "sqlite:data", "notes", "");
    old.put(
        "migrations/0001_notes.up.sql",
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);\n",
    );
    old.example.run(&["apply"]).done();
    let said = old.example.run(&["audit"]);
    assert_eq!(said.code, 1, "{}\n{}", said.out, said.err);
    assert!(said.out.contains("○ not known"), "{}", said.out);
    assert!(said.out.contains("no logins"), "{}", said.out);
    let report: serde_json::Value =
        serde_json::from_str(&old.example.run(&["audit", "--json"]).out).expect("JSON");
    assert_eq!(report["verdict"], "not_known");
    assert_eq!(report["stores"][0]["verdict"], "not_known");
    let year = report["at"].as_str().must("a moment").get(..2);
    assert_eq!(
        year,
        Some("20"),
        "no server tells the time, and it is not 1970"
    );
}

/// A server that is away: nothing was seen, and that is no clean report.
#[tokio::test]
async fn a_server_that_is_away_is_not_clean() {
    let Some(world) = applied(EngineKind::Postgres, "audited", "").await else {
        return;
    };
    let mut world = world;
    world
        .old
        .example
        .set("OLD_URL", "postgres://postgres@127.0.0.1:1/postgres");
    let said = world.run(&["audit"]);
    assert_eq!(said.refused(3), ["FH3001"]);
}
