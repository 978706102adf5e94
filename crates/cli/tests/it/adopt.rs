//! `adopt`: databases that are there, made by people and by other tools, taken over.

use std::fs;

use freehold_engine::{Connection, Endpoint, Engine, Value, Want};
use freehold_model::{EngineKind, Isolation};
use freehold_testkit::{Must as _, server};

use crate::binary::Example;

/// One service with one store on one server.
pub(crate) struct Old {
    pub(crate) example: Example,
    name: String,
}

impl Old {
    pub(crate) fn new(engine: &str, url: &str, name: &str, more: &str) -> Self {
        let mut example = Example::copy("shopease");
        for entry in fs::read_dir(example.path()).must("the folder") {
            let path = entry.must("an entry").path();
            let removed = if path.is_dir() {
                fs::remove_dir_all(&path)
            } else {
                fs::remove_file(&path)
            };
            removed.must("removed");
        }
        fs::create_dir_all(example.path().join("services/old")).must("a folder");
        example.write(
            "freehold.yaml",
            &format!("system: legacy\nservers:\n  main: {{ engine: {engine}, url: \"env:OLD_URL\" }}\nservices: [services/*]\n"),
        );
        example.write(
            "services/old/service.yaml",
            &format!("service: {name}\nteam: team-old\nstore: {{ server: main }}\n{more}"),
        );
        example.set("OLD_URL", url);
        Self {
            example,
            name: name.to_owned(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn file(&self, name: &str) -> String {
        fs::read_to_string(self.example.path().join("services/old").join(name)).must(name)
    }

    pub(crate) fn put(&self, name: &str, text: &str) {
        let path = self.example.path().join("services/old").join(name);
        fs::create_dir_all(path.parent().must("a folder")).must("made");
        fs::write(path, text).must(name);
    }

    /// Another service of the same migrations, made anew.
    pub(crate) fn twin(&self, engine: &str, url: &str) -> Self {
        let twin = Self::new(engine, url, &format!("{}_twin", self.name), "");
        let folder = self.example.path().join("services/old/migrations");
        for entry in fs::read_dir(folder).must("migrations") {
            let path = entry.must("an entry").path();
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .must("a name")
                .to_owned();
            twin.put(
                &format!("migrations/{name}"),
                &fs::read_to_string(&path).must("text"),
            );
        }
        twin
    }
}

pub(crate) fn engine_of(kind: EngineKind) -> &'static dyn Engine {
    freehold_builtin::engine(kind).must("an engine")
}

/// As the engine sees a store of this name.
pub(crate) fn want_of(admin: &Endpoint, name: &str) -> Want {
    let names = |what: &str| format!("{name}_{what}");
    Want {
        system: "legacy".to_owned(),
        service: name.to_owned(),
        store: "main".to_owned(),
        isolation: Isolation::Database,
        spot: engine_of(admin.kind).spot(admin, Isolation::Database, name),
        identities: freehold_model::Identities {
            owner: names("owner"),
            app: freehold_model::AppIdentity {
                role: names("app"),
                logins: [names("app_1"), names("app_2")],
            },
            sidecar: names("sidecar"),
            backup: names("backup"),
            migrator: names("migrator"),
            issuer: names("issuer"),
        },
        append_only: [].into(),
        extensions: Vec::new(),
        access: Vec::new(),
        prune: false,
        require_tls: false,
        server_wide: false,
        plane: freehold_engine::Plane::default(),
    }
}

pub(crate) async fn enter(admin: &Endpoint, name: &str) -> Box<dyn Connection> {
    let engine = engine_of(admin.kind);
    let at = engine.at_store(admin, &want_of(admin, name).spot);
    engine.connect(&at).await.must("the store is entered")
}

pub(crate) async fn run_all(connection: &mut dyn Connection, script: &str) {
    for statement in script.split(";;") {
        if !statement.trim().is_empty() {
            connection.execute(statement).await.must(statement);
        }
    }
}

/// Same objects, same definitions; names of the two databases may stand in them.
async fn same_schema(admin: &Endpoint, one: &str, other: &str) {
    let mut schemas = Vec::new();
    for name in [one, other] {
        let mut connection = enter(admin, name).await;
        let schema = connection
            .schema(&want_of(admin, name))
            .await
            .must("the schema");
        schemas.push(schema);
    }
    for (name, definition) in &schemas[0] {
        assert_eq!(schemas[1].get(name), Some(definition), "{name}");
    }
    assert_eq!(
        schemas[0].len(),
        schemas[1].len(),
        "{:?}",
        schemas[1].keys()
    );
    assert!(schemas[0].len() > 5, "{:?}", schemas[0].keys());
}

const POSTGRES: &str = include_str!("adopt/postgres.sql");

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn a_postgres_database_of_somebody_else() {
    let Some(server) = server(EngineKind::Postgres).await else {
        return;
    };
    let mut admin = server.connect().await;
    run_all(&mut *admin, "DROP DATABASE IF EXISTS old_pg;;DROP ROLE IF EXISTS old_pg_legacy;;CREATE ROLE old_pg_legacy LOGIN PASSWORD 'geheim';;CREATE DATABASE old_pg OWNER old_pg_legacy").await;
    let mut store = enter(&server.admin, "old_pg").await;
    run_all(&mut *store, "SET ROLE old_pg_legacy").await;
    run_all(&mut *store, POSTGRES).await;
    let before = store
        .schema(&want_of(&server.admin, "old_pg"))
        .await
        .must("the schema");
    let url = server.admin.url();
    let old = Old::new("postgres", url.expose(), "old_pg", "");
    let run = |arguments: &[&str]| old.example.run(arguments);
    assert_eq!(run(&["plan"]).refused(3), ["FH3101"]);
    // Not confirmed: a plan, and no change.
    let position = server.log_position();
    let shown = run(&["adopt", "old_pg"]);
    assert_eq!(shown.refused(2), ["FH1310"]);
    assert!(
        shown.out.contains("from old_pg_legacy") && shown.out.contains("0001_adopted"),
        "{}",
        shown.out
    );
    let mut changes = server.changing_statements_since(position);
    // Other tests use the server too; a statement that begins with a new line stands on the log's
    // next one.
    changes.retain(|statement| statement.contains("old_pg"));
    assert_eq!(changes, Vec::<String>::new());
    assert!(!old.example.path().join("services/old/migrations").exists());

    let said = run(&["adopt", "old_pg", "--yes"]).done();
    assert!(said.contains("1 migration recorded as applied"), "{said}");
    assert!(run(&["plan"]).done().contains("Nothing to do"));
    assert!(run(&["apply"]).done().contains("Nothing was sent"));
    assert_eq!(run(&["adopt", "old_pg", "--yes"]).refused(3), ["FH3231"]);
    let after = store
        .schema(&want_of(&server.admin, "old_pg"))
        .await
        .must("the schema");
    assert_eq!(before, after, "what is there stays as it is");
    let owners = store.query("SELECT DISTINCT pg_get_userbyid(relowner)::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname NOT LIKE 'freehold%'", &[]).await.must("owners");
    assert_eq!(owners, [[Value::from("old_pg_owner")]]);

    // The old login goes on working, and may not change the schema any more.
    let legacy = server
        .admin
        .with_login(
            "old_pg_legacy",
            Some(freehold_engine::Secret::new("geheim")),
        )
        .with_database("old_pg");
    let mut legacy = engine_of(EngineKind::Postgres)
        .connect(&legacy)
        .await
        .must("the old login enters");
    legacy
        .execute("INSERT INTO orders (customer, state) VALUES ('ana', 'open')")
        .await
        .must("it writes");
    legacy
        .execute("SELECT total(1), * FROM open_orders")
        .await
        .must("it reads");
    legacy
        .execute("ALTER TABLE orders ADD more int")
        .await
        .err()
        .must("it is no owner any more");

    // With `prune: true` it loses what nobody described.
    old.example.edit("services/old/service.yaml", |text| {
        text.replace("{ server: main }", "{ server: main, prune: true }")
    });
    run(&["apply"]).done();
    legacy
        .execute("INSERT INTO orders (customer, state) VALUES ('ana', 'open')")
        .await
        .err()
        .must("it may not");
    assert!(run(&["plan"]).done().contains("Nothing to do"));

    // A new migration goes on from there, on this store and on one made from the files alone.
    old.put(
        "migrations/0002_more.up.sql",
        "ALTER TABLE orders ADD more int;\n",
    );
    old.put(
        "migrations/0002_more.down.sql",
        "ALTER TABLE orders DROP more;\n",
    );
    run(&["apply"]).done();
    let twin = old.twin("postgres", url.expose());
    twin.example.run(&["apply"]).done();
    same_schema(&server.admin, "old_pg", "old_pg_twin").await;
    assert_eq!(
        old.file("migrations/0001_adopted.down.sql")
            .matches("DROP TABLE")
            .count(),
        9
    );
    twin.example.run(&["rollback", "--to", "0", "--yes"]).done();
    let left = enter(&server.admin, "old_pg_twin")
        .await
        .schema(&want_of(&server.admin, "old_pg_twin"))
        .await
        .must("the schema");
    assert!(
        left.keys()
            .all(|name| name.starts_with("schema ") || name.starts_with("extension ")),
        "{left:?}"
    );
    twin.example.run(&["destroy", "--yes"]).done();
    drop((store, legacy));
    run(&["destroy", "--force", "--yes"]).done();
}

const MARIADB: &str = include_str!("adopt/mariadb.sql");

#[tokio::test]
async fn a_mariadb_database_of_somebody_else() {
    let Some(server) = server(EngineKind::Mariadb).await else {
        return;
    };
    let mut admin = server.connect().await;
    run_all(
        &mut *admin,
        "DROP DATABASE IF EXISTS old_my;;CREATE DATABASE old_my",
    )
    .await;
    let mut store = enter(&server.admin, "old_my").await;
    run_all(&mut *store, MARIADB).await;
    let before = store
        .schema(&want_of(&server.admin, "old_my"))
        .await
        .must("the schema");
    let url = server.admin.url();
    let old = Old::new("mariadb", url.expose(), "old_my", "");
    let run = |arguments: &[&str]| old.example.run(arguments);
    assert_eq!(run(&["plan"]).refused(3), ["FH3101"]);
    assert_eq!(run(&["adopt", "old_my"]).refused(2), ["FH1310"]);
    let said = run(&["adopt", "old_my", "--yes"]).done();
    assert!(
        said.contains("1 migration recorded as applied") && said.contains("go on running as"),
        "{said}"
    );
    assert!(run(&["plan"]).done().contains("Nothing to do"));
    assert_eq!(run(&["adopt", "old_my", "--yes"]).refused(3), ["FH3231"]);
    let after = store
        .schema(&want_of(&server.admin, "old_my"))
        .await
        .must("the schema");
    assert_eq!(before, after, "what is there stays as it is");

    old.put(
        "migrations/0002_more.up.sql",
        "ALTER TABLE orders ADD more int;\n",
    );
    run(&["apply"]).done();
    let twin = old.twin("mariadb", url.expose());
    // With a binlog, only so may anybody but SUPER make functions and triggers.
    run_all(
        &mut *admin,
        "SET GLOBAL log_bin_trust_function_creators = 1",
    )
    .await;
    twin.example.run(&["apply"]).done();
    let definers = store.query("SELECT DISTINCT CONVERT(definer USING utf8mb4) FROM information_schema.views WHERE table_schema = 'old_my_twin'", &[]).await.must("definers");
    assert!(
        format!("{definers:?}").contains("old_my_twin_owner"),
        "{definers:?}"
    );
    let mut schemas = Vec::new();
    for name in ["old_my", "old_my_twin"] {
        let mut connection = enter(&server.admin, name).await;
        let schema = connection
            .schema(&want_of(&server.admin, name))
            .await
            .must("the schema");
        // Definers differ: those who made it, and the owner.
        let bare = schema.into_iter().map(|(name, text)| {
            (
                name,
                text.replace(
                    &format!("DEFINER=`{}`@`", server.admin.user),
                    "DEFINER=`owner`@`",
                )
                .replace("DEFINER=`owner`@`127.0.0.1`", "DEFINER=`owner`")
                .replace("DEFINER=`owner`@`localhost`", "DEFINER=`owner`"),
            )
        });
        schemas.push(bare.collect::<std::collections::BTreeMap<_, _>>());
    }
    for (name, definition) in &schemas[0] {
        assert_eq!(schemas[1].get(name), Some(definition), "{name}");
    }
    old.put(
        "migrations/0002_more.down.sql",
        "ALTER TABLE orders DROP more;\n",
    );
    twin.put(
        "migrations/0002_more.down.sql",
        "ALTER TABLE orders DROP more;\n",
    );
    twin.example.run(&["rollback", "--to", "0", "--yes"]).done();
    let left = enter(&server.admin, "old_my_twin")
        .await
        .schema(&want_of(&server.admin, "old_my_twin"))
        .await
        .must("the schema");
    assert!(left.is_empty(), "{left:?}");
    twin.example.run(&["destroy", "--force", "--yes"]).done();
    drop(store);
    run(&["destroy", "--force", "--yes"]).done();
}

const SQLITE: &str = include_str!("adopt/sqlite.sql");

#[tokio::test]
async fn a_sqlite_file_of_somebody_else() {
    let stores = tempfile::tempdir().must("a folder");
    let folder = stores.path().join("old_lite");
    fs::create_dir(&folder).must("a folder");
    let url = format!("sqlite:{}", stores.path().display());
    let old = Old::new("sqlite", &url, "old_lite", "");
    let run = |arguments: &[&str]| old.example.run(arguments);
    assert_eq!(run(&["adopt", "old_lite", "--yes"]).refused(3), ["FH3230"]);
    let file = folder.join("store.db");
    let db = rusqlite::Connection::open(&file).expect("a file");
    for statement in SQLITE
        .split(";;")
        .filter(|statement| !statement.trim().is_empty())
    {
        db.execute_batch(statement).expect(statement);
    }
    drop(db);
    let bytes = fs::read(&file).must("the file");
    assert_eq!(run(&["plan"]).refused(3), ["FH3101"]);
    assert_eq!(run(&["adopt", "old_lite"]).refused(2), ["FH1310"]);
    assert_eq!(
        fs::read(&file).must("the file"),
        bytes,
        "a plan changes nothing"
    );
    run(&["adopt", "old_lite", "--yes"]).done();
    assert!(run(&["plan"]).done().contains("Nothing to do"));
    assert_eq!(run(&["adopt", "old_lite", "--yes"]).refused(3), ["FH3231"]);
    old.put(
        "migrations/0002_more.up.sql",
        "ALTER TABLE orders ADD more int;\n",
    );
    old.put(
        "migrations/0002_more.down.sql",
        "ALTER TABLE orders DROP COLUMN more;\n",
    );
    run(&["apply"]).done();
    let admin = Endpoint::parse(
        EngineKind::Sqlite,
        &freehold_engine::Secret::new(url.clone()),
    )
    .must("its URL");
    let twin = old.twin("sqlite", &url);
    twin.example.run(&["apply"]).done();
    same_schema(&admin, "old_lite", "old_lite_twin").await;
    twin.example.run(&["rollback", "--to", "0", "--yes"]).done();
    let left = enter(&admin, "old_lite_twin")
        .await
        .schema(&want_of(&admin, "old_lite_twin"))
        .await
        .must("the schema");
    assert!(left.is_empty(), "{left:?}");
}

/// A tool of three lines: it knows what it did by a table of its own.
const TOOL: &str = r#"#!/bin/sh
set -eu
[ -e service.yaml ] || { echo "not in the service's folder"; exit 9; }
[ -z "${OLD_URL:-}" ] || { echo "the administrator's URL is here"; exit 8; }
[ ! -e fails ] || { echo "syntax error near $PGPASSWORD"; exit 7; }
psql "$DATABASE_URL" -v ON_ERROR_STOP=1 -qc "CREATE TABLE IF NOT EXISTS history (v int PRIMARY KEY)"
for v in 1 2; do
  [ -e "v$v.sql" ] || continue
  [ -z "$(psql -Atc "SELECT v FROM history WHERE v = $v")" ] || continue
  psql -v ON_ERROR_STOP=1 -q1f "v$v.sql" -c "INSERT INTO history VALUES ($v)"
done
"#;

#[tokio::test]
async fn another_tool_goes_on_with_its_files() {
    let Some(server) = server(EngineKind::Postgres).await else {
        return;
    };
    let url = server.admin.url();
    let old = Old::new(
        "postgres",
        url.expose(),
        "tooled",
        "migrations: { by: mine, command: [./tool.sh] }\ntables: { log: { append_only: true } }\n",
    );
    old.put("tool.sh", TOOL);
    let tool = old.example.path().join("services/old/tool.sh");
    fs::set_permissions(&tool, std::os::unix::fs::PermissionsExt::from_mode(0o755)).must("mode");
    old.put(
        "v1.sql",
        "CREATE TABLE orders (id serial PRIMARY KEY);\nCREATE TABLE log (id int);\n",
    );
    let run = |arguments: &[&str]| old.example.run(arguments);
    let plan = run(&["plan"]).done();
    assert!(
        plan.contains("+ run") && plan.contains("./tool.sh"),
        "{plan}"
    );
    let first = run(&["apply"]).done();
    assert!(
        first.contains("mine changed the schema") && first.contains("orders 0"),
        "{first}"
    );
    let plan = run(&["plan"]).done();
    assert!(
        plan.contains("Nothing to do") && plan.contains("apply runs `./tool.sh`"),
        "{plan}"
    );
    assert!(run(&["apply"]).done().contains("in step"));
    // The program's login: rights as described, on what the tool made.
    let psql = |sql: &str| {
        let line = format!("psql \"$DATABASE_URL\" -Atqc \"{sql}\" 2>&1");
        run(&["creds", "exec", "tooled", "--", "sh", "-c", &line])
    };
    assert_eq!(
        psql("insert into orders default values returning id").done(),
        "1\n"
    );
    assert_eq!(
        psql("insert into log values (1); select count(*) from log").done(),
        "1\n"
    );
    assert!(psql("delete from log").out.contains("permission denied"));
    // Owned by the owner; the login of the run is gone.
    let mut store = enter(&server.admin, "tooled").await;
    let owner = "SELECT DISTINCT tableowner::text FROM pg_tables WHERE schemaname = 'public'";
    assert_eq!(
        store.query(owner, &[]).await.must("owners"),
        [[Value::from("tooled_owner")]]
    );
    let logins = "SELECT count(*) FROM pg_roles WHERE rolname = 'tooled_migrator'";
    assert_eq!(
        store.query(logins, &[]).await.must("roles"),
        [[Value::I64(0)]]
    );
    let ran = "SELECT id, detail FROM freehold_ledger WHERE kind = 'other'";
    let ran = format!("{:?}", store.query(ran, &[]).await.must("the ledger"));
    assert!(
        ran.contains("tool/mine") && ran.contains("./tool.sh"),
        "{ran}"
    );
    // It fails: shown without the password, and nothing stays open.
    old.put("fails", "");
    let failed = run(&["apply"]);
    assert_eq!(failed.refused(3), ["FH3245"]);
    assert!(
        failed.err.contains("syntax error near ‹password›"),
        "{}",
        failed.err
    );
    assert_eq!(
        store.query(logins, &[]).await.must("roles"),
        [[Value::I64(0)]]
    );
    fs::remove_file(old.example.path().join("services/old/fails")).must("removed");
    old.put("v2.sql", "ALTER TABLE orders ADD note text;\n");
    assert!(run(&["apply"]).done().contains("mine changed the schema"));
    drop(store);
    run(&["destroy", "--force", "--yes"]).done();
}

/// The administrator may make databases and roles, and is no superuser.
#[tokio::test]
async fn a_plain_administrator_takes_over_what_it_may_act_as() {
    let Some(server) = server(EngineKind::Postgres).await else {
        return;
    };
    let mut admin = server.connect().await;
    run_all(
        &mut *admin,
        "CREATE ROLE plain_adopter LOGIN CREATEDB CREATEROLE PASSWORD 'x';;CREATE ROLE plain_legacy LOGIN;;CREATE DATABASE plain_old OWNER plain_legacy",
    )
    .await;
    let mut store = enter(&server.admin, "plain_old").await;
    run_all(
        &mut *store,
        "SET ROLE plain_legacy;;CREATE TABLE orders (id serial PRIMARY KEY);;CREATE TYPE state AS ENUM ('a');;CREATE SCHEMA mine;;CREATE TABLE mine.log (id int);;DROP SCHEMA mine CASCADE",
    )
    .await;
    let plain = server
        .admin
        .with_login("plain_adopter", Some(freehold_engine::Secret::new("x")));
    let old = Old::new("postgres", plain.url().expose(), "plain_old", "");
    let denied = old.example.run(&["adopt", "plain_old", "--yes"]);
    assert_eq!(denied.refused(3), ["FH3233"]);
    run_all(&mut *admin, "GRANT plain_legacy TO plain_adopter").await;
    // It goes on from what the first try left: the owner's role and the files.
    old.example.run(&["adopt", "plain_old", "--yes"]).done();
    let after = old.example.run(&["plan"]).done();
    assert!(after.contains("Nothing to do"), "{after}");
    let owners = "SELECT DISTINCT pg_get_userbyid(relowner)::text FROM pg_class WHERE relnamespace = 'public'::regnamespace";
    let owners = store.query(owners, &[]).await.must("owners");
    assert_eq!(owners, [[Value::from("plain_old_owner")]]);
}

#[tokio::test]
async fn a_schema_of_a_shared_database() {
    let Some(server) = server(EngineKind::Postgres).await else {
        return;
    };
    let mut admin = server.connect().await;
    run_all(
        &mut *admin,
        "CREATE DATABASE shared_old;;CREATE ROLE schema_legacy LOGIN",
    )
    .await;
    let mut store = enter(&server.admin, "shared_old").await;
    run_all(
        &mut *store,
        "CREATE SCHEMA old_part AUTHORIZATION schema_legacy;;CREATE SCHEMA neighbour AUTHORIZATION schema_legacy;;CREATE TABLE neighbour.t (id int);;SET search_path = old_part;;CREATE TABLE orders (id serial PRIMARY KEY);;CREATE VIEW v AS SELECT id FROM orders;;ALTER TABLE orders OWNER TO schema_legacy",
    )
    .await;
    let shared = server.admin.with_database("shared_old");
    let old = Old::new("postgres", shared.url().expose(), "old_part", "");
    old.example.edit("services/old/service.yaml", |text| {
        text.replace("{ server: main }", "{ server: main, isolation: schema }")
    });
    let run = |arguments: &[&str]| old.example.run(arguments);
    assert_eq!(run(&["plan"]).refused(3), ["FH3101"]);
    run(&["adopt", "old_part", "--yes"]).done();
    assert!(run(&["plan"]).done().contains("Nothing to do"));
    let up = old.file("migrations/0001_adopted.up.sql");
    assert!(
        !up.contains("neighbour") && up.contains("CREATE VIEW v AS"),
        "{up}"
    );
    let owner =
        "SELECT pg_get_userbyid(relowner)::text FROM pg_class WHERE oid = 'neighbour.t'::regclass";
    let owner = store.query(owner, &[]).await.must("the neighbour");
    assert_eq!(
        owner,
        [[Value::from(server.admin.user.as_str())]],
        "untouched"
    );
}
