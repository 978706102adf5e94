//! The tools themselves: what they made is adopted, what they go on with runs as the migrator of a
//! run. Installed by `scripts/prove-tools.sh`; run by `cargo xtask prove tools`.

use std::path::PathBuf;
use std::process::Command;

use freehold_engine::Endpoint;
use freehold_model::EngineKind;
use freehold_testkit::{Must as _, TestServer, server};

use crate::adopt::{Old, run_all};

/// The folder with the tools; `None`: a loud skip.
fn tools() -> Option<PathBuf> {
    let folder = std::env::var_os("FREEHOLD_TOOLS").map(PathBuf::from);
    if folder.is_none() {
        eprintln!(
            "SKIPPED: FREEHOLD_TOOLS names no folder with other people's tools (cargo xtask prove tools)"
        );
    }
    folder
}

/// A database that nobody of ours made, its address, and a service described over it.
async fn database(server: &TestServer, name: &str, more: &str) -> (Old, Endpoint) {
    let mut admin = server.connect().await;
    run_all(
        &mut *admin,
        &format!("DROP DATABASE IF EXISTS {name};;CREATE DATABASE {name}"),
    )
    .await;
    let url = server.admin.url();
    let old = Old::new("postgres", url.expose(), name, more);
    (old, server.admin.with_database(name))
}

/// Runs a tool on the database as its own users would.
fn run_tool(
    at: &Endpoint,
    old: &Old,
    program: &str,
    arguments: &[&str],
    more: &[(&str, &str)],
) -> String {
    let folder = tools().must("the tools");
    let freehold_engine::Address::Tcp(host, port) = &at.address else {
        panic!("a server on a port");
    };
    let database = at.database.clone().unwrap_or_default();
    let jdbc = format!("jdbc:postgresql://{host}:{port}/{database}");
    let password = at
        .password
        .as_ref()
        .map_or("", |password| password.expose());
    let output = Command::new(folder.join("bin").join(program))
        .args(arguments)
        .current_dir(old.example.path().join("services/old"))
        .env(
            "DATABASE_URL",
            at.url().expose().replace("postgres://", "postgresql://"),
        )
        .env("FLYWAY_URL", &jdbc)
        .env("FLYWAY_USER", &at.user)
        .env("FLYWAY_PASSWORD", password)
        .env("LIQUIBASE_COMMAND_URL", &jdbc)
        .env("LIQUIBASE_COMMAND_USERNAME", &at.user)
        .env("LIQUIBASE_COMMAND_PASSWORD", password)
        .envs(more.iter().copied())
        .output()
        .must("the tool starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program}: {said}");
    said
}

/// Adopted, nothing to do; then the same migrations make the same store anew.
fn taken_over(old: &Old, from: &[&str], files: usize) -> String {
    let name = old.name();
    let said = old
        .example
        .run(&[&["adopt", name, "--yes", "--from"], from].concat())
        .done();
    assert!(
        old.example.run(&["plan"]).done().contains("Nothing to do"),
        "{said}"
    );
    assert!(said.contains(&format!("{files} migration")), "{said}");
    let twin = old.twin("postgres", &old.example.variables["OLD_URL"].clone());
    twin.example.run(&["apply"]).done();
    twin.example.run(&["destroy", "--force", "--yes"]).done();
    old.example.run(&["destroy", "--force", "--yes"]).done();
    said
}

#[tokio::test]
async fn flyway() {
    let (Some(_), Some(server)) = (tools(), server(EngineKind::Postgres).await) else {
        return;
    };
    let (old, at) = database(&server, "by_flyway", "").await;
    old.put(
        "sql/V1__orders.sql",
        "CREATE TABLE orders (id serial PRIMARY KEY);\r\nINSERT INTO orders DEFAULT VALUES;\n",
    );
    old.put(
        "sql/V1.1__Add_Status.sql",
        "-- mit Umlaut: ä\nALTER TABLE orders ADD status text NOT NULL DEFAULT 'open';\n",
    );
    old.put(
        "sql/R__views.sql",
        "CREATE OR REPLACE VIEW open_orders AS SELECT * FROM orders WHERE status = 'open';",
    );
    run_tool(&at, &old, "flyway", &["sql"], &[]);
    old.put("sql/V2__pending.sql", "ALTER TABLE orders ADD note text;\n");
    let name = old.name().to_owned();
    let said = old.example.run(&["adopt", &name, "--from", "flyway"]);
    assert!(
        said.out.contains("flyway applied 3 so far, the newest 1.1"),
        "{}",
        said.out
    );
    assert_eq!(
        old.example
            .run(&["adopt", &name, "--from", "flyway", "--yes"])
            .done()
            .matches("written")
            .count(),
        5
    );
    assert!(old.example.run(&["apply"]).done().contains("0004_pending"));
    assert!(old.example.run(&["plan"]).done().contains("Nothing to do"));
    old.example.run(&["destroy", "--force", "--yes"]).done();

    let folder = tools().must("the tools").join("bin/flyway");
    let (old, _) = database(
        &server,
        "flyway_goes_on",
        &format!(
            "migrations: {{ by: flyway, command: [\"{}\", sql] }}\n",
            folder.display()
        ),
    )
    .await;
    old.put(
        "sql/V1__orders.sql",
        "CREATE TABLE orders (id serial PRIMARY KEY);\n",
    );
    old.example
        .run(&["adopt", "flyway_goes_on", "--yes"])
        .done();
    let first = old.example.run(&["apply"]).done();
    assert!(
        first.contains("flyway changed the schema") && first.contains("orders 0"),
        "{first}"
    );
    assert!(old.example.run(&["apply"]).done().contains("in step"));
    old.example.run(&["destroy", "--force", "--yes"]).done();
}

#[tokio::test]
async fn liquibase() {
    let (Some(_), Some(server)) = (tools(), server(EngineKind::Postgres).await) else {
        return;
    };
    let (old, at) = database(&server, "by_liquibase", "").await;
    old.put("changelog/root.xml", r#"<databaseChangeLog xmlns="http://www.liquibase.org/xml/ns/dbchangelog" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://www.liquibase.org/xml/ns/dbchangelog http://www.liquibase.org/xml/ns/dbchangelog/dbchangelog-latest.xsd">
  <changeSet id="1" author="ana"><createTable tableName="orders"><column name="id" type="int" autoIncrement="true"><constraints primaryKey="true"/></column></createTable></changeSet>
  <include file="more.sql" relativeToChangelogFile="true"/>
</databaseChangeLog>"#);
    old.put(
        "changelog/more.sql",
        "--liquibase formatted sql\n--changeset bob:2\nALTER TABLE orders ADD status text;\n",
    );
    run_tool(&at, &old, "liquibase", &["changelog", "root.xml"], &[]);
    old.put("changelog/more.sql", "--liquibase formatted sql\n--changeset bob:2\nALTER TABLE orders ADD status text;\n--changeset bob:3\nSELECT 1;\n");
    let name = old.name().to_owned();
    assert_eq!(
        old.example
            .run(&["adopt", &name, "--from", "liquibase", "--yes"])
            .refused(3),
        ["FH3242"]
    );
    run_tool(&at, &old, "liquibase", &["changelog", "root.xml"], &[]);
    let said = taken_over(&old, &["liquibase"], 1);
    assert!(
        said.contains("liquibase applied 3 so far, the newest bob:3"),
        "{said}"
    );
}

#[tokio::test]
async fn alembic() {
    let (Some(_), Some(server)) = (tools(), server(EngineKind::Postgres).await) else {
        return;
    };
    let (old, at) = database(&server, "by_alembic", "").await;
    old.put("alembic.ini", "[alembic]\nscript_location = alembic\n");
    old.put("alembic/env.py", "import os\nfrom alembic import context\nfrom sqlalchemy import create_engine\nengine = create_engine(os.environ['DATABASE_URL'].replace('postgresql://', 'postgresql+psycopg://'))\nwith engine.connect() as connection:\n    context.configure(connection=connection, target_metadata=None)\n    with context.begin_transaction():\n        context.run_migrations()\n");
    old.put("alembic/script.py.mako", "\"\"\"${message}\"\"\"\nrevision: str = ${repr(up_revision)}\ndown_revision = ${repr(down_revision)}\nbranch_labels = None\ndepends_on = None\nfrom alembic import op\n\ndef upgrade():\n    op.execute('CREATE TABLE ${message} (id serial PRIMARY KEY)')\n\ndef downgrade():\n    op.execute('DROP TABLE ${message}')\n");
    old.put("alembic/versions/.keep", "");
    run_tool(&at, &old, "alembic", &["revision", "-m", "orders"], &[]);
    run_tool(&at, &old, "alembic", &["upgrade", "head"], &[]);
    run_tool(&at, &old, "alembic", &["revision", "-m", "items"], &[]);
    let name = old.name().to_owned();
    assert_eq!(
        old.example
            .run(&["adopt", &name, "--from", "alembic", "--yes"])
            .refused(3),
        ["FH3242"]
    );
    run_tool(&at, &old, "alembic", &["upgrade", "head"], &[]);
    taken_over(&old, &["alembic"], 1);

    let folder = tools().must("the tools").join("bin/alembic");
    let (going, at) = database(
        &server,
        "alembic_goes_on",
        &format!(
            "migrations: {{ by: alembic, command: [\"{}\", upgrade, head] }}\n",
            folder.display()
        ),
    )
    .await;
    for file in ["alembic.ini", "alembic/env.py", "alembic/script.py.mako"] {
        going.put(file, &old.file(file));
    }
    going.put("alembic/versions/.keep", "");
    run_tool(&at, &going, "alembic", &["revision", "-m", "orders"], &[]);
    going
        .example
        .run(&["adopt", "alembic_goes_on", "--yes"])
        .done();
    let first = going.example.run(&["apply"]).done();
    assert!(
        first.contains("alembic changed the schema") && first.contains("orders 0"),
        "{first}"
    );
    assert!(going.example.run(&["apply"]).done().contains("in step"));
    going.example.run(&["destroy", "--force", "--yes"]).done();
}

#[tokio::test]
async fn django() {
    let (Some(_), Some(server)) = (tools(), server(EngineKind::Postgres).await) else {
        return;
    };
    let (old, at) = database(&server, "by_django", "").await;
    old.put("settings.py", "import os\nfrom urllib.parse import urlparse\nu = urlparse(os.environ['DATABASE_URL'])\nSECRET_KEY = 'x'\nINSTALLED_APPS = ['django.contrib.contenttypes', 'django.contrib.auth', 'orders']\nDATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql', 'NAME': u.path[1:], 'USER': u.username, 'PASSWORD': u.password, 'HOST': u.hostname, 'PORT': u.port}}\nDEFAULT_AUTO_FIELD = 'django.db.models.BigAutoField'\n");
    old.put("orders/__init__.py", "");
    old.put("orders/migrations/__init__.py", "");
    old.put("orders/models.py", "from django.db import models\n\nclass Order(models.Model):\n    status = models.CharField(max_length=20)\n");
    let here = old
        .example
        .path()
        .join("services/old")
        .display()
        .to_string();
    let variables = [
        ("DJANGO_SETTINGS_MODULE", "settings"),
        ("PYTHONPATH", here.as_str()),
    ];
    run_tool(
        &at,
        &old,
        "django-admin",
        &["makemigrations", "orders"],
        &variables,
    );
    let name = old.name().to_owned();
    assert_eq!(
        old.example
            .run(&["adopt", &name, "--from", "django", "--yes"])
            .refused(3),
        ["FH3238"]
    );
    run_tool(&at, &old, "django-admin", &["migrate"], &variables);
    old.put("orders/models.py", "from django.db import models\n\nclass Order(models.Model):\n    status = models.CharField(max_length=20)\n    note = models.TextField(default='')\n");
    run_tool(
        &at,
        &old,
        "django-admin",
        &["makemigrations", "orders"],
        &variables,
    );
    assert_eq!(
        old.example
            .run(&["adopt", &name, "--from", "django", "--yes"])
            .refused(3),
        ["FH3242"]
    );
    run_tool(&at, &old, "django-admin", &["migrate"], &variables);
    let said = taken_over(&old, &["django"], 1);
    assert!(said.contains("the newest orders.0002"), "{said}");
}

#[tokio::test]
async fn sqlx() {
    let (Some(_), Some(server)) = (tools(), server(EngineKind::Postgres).await) else {
        return;
    };
    let (old, at) = database(&server, "by_sqlx", "").await;
    let run = |old: &Old, at: &Endpoint| {
        let run = ["migrate", "run", "--source", "sql"];
        run_tool(at, old, "sqlx", &run, &[]);
    };
    old.put(
        "sql/20240101120000_orders.up.sql",
        "CREATE TABLE orders (id serial PRIMARY KEY);\n-- mit Umlaut: ä\nINSERT INTO orders DEFAULT VALUES;\n",
    );
    old.put("sql/20240101120000_orders.down.sql", "DROP TABLE orders;\n");
    run(&old, &at);
    let (up, down) = (
        "ALTER TABLE orders ADD note text;\n",
        "ALTER TABLE orders DROP note;\n",
    );
    old.put("sql/20240201120000_note.up.sql", up);
    old.put("sql/20240201120000_note.down.sql", down);
    run(&old, &at);
    let said = taken_over(&old, &["sqlx", "--files", "sql"], 2);
    assert!(said.contains("sqlx applied 2 so far"), "{said}");

    let program = tools().must("the tools").join("bin/sqlx");
    let by = format!(
        "migrations: {{ by: sqlx, command: [\"{}\", migrate, run, --source, sql] }}\n",
        program.display()
    );
    let (going, _) = database(&server, "sqlx_goes_on", &by).await;
    going.put(
        "sql/1_orders.sql",
        "CREATE TABLE orders (id serial PRIMARY KEY);\n",
    );
    goes_on(&going, "sqlx");
}

#[tokio::test]
async fn prisma() {
    let (Some(folder), Some(server)) = (tools(), server(EngineKind::Postgres).await) else {
        return;
    };
    let put = |old: &Old| {
        old.put("prisma.config.mjs", &prisma_config(&folder));
        old.put(
            "prisma/schema.prisma",
            "datasource db {\n  provider = \"postgresql\"\n  url = env(\"DATABASE_URL\")\n}\n",
        );
        old.put(
            "prisma/migrations/migration_lock.toml",
            "provider = \"postgresql\"\n",
        );
        old.put(
            "prisma/migrations/20240101120000_orders/migration.sql",
            "CREATE TABLE orders (id serial PRIMARY KEY);\n",
        );
    };
    let (old, at) = database(&server, "by_prisma", "").await;
    put(&old);
    run_tool(&at, &old, "prisma", &["migrate", "deploy"], &[]);
    let note = "prisma/migrations/20240201120000_note/migration.sql";
    old.put(note, "ALTER TABLE orders ADD note text;\n");
    run_tool(&at, &old, "prisma", &["migrate", "deploy"], &[]);
    let said = taken_over(&old, &["prisma"], 2);
    assert!(said.contains("prisma applied 2 so far"), "{said}");

    // In a store made anew too, where our own table is before its first.
    let by = format!(
        "migrations: {{ by: prisma, command: [\"{}\", migrate, deploy] }}\n",
        folder.join("bin/prisma").display()
    );
    let url = server.admin.url();
    let fresh = Old::new("postgres", url.expose(), "prisma_goes_on", &by);
    put(&fresh);
    goes_on(&fresh, "prisma");
}

/// Prisma with its engines in WebAssembly, over the driver of Node. Its adapter does not know the type
/// `name` of PostgreSQL's catalogs (19), in which the engine asks for tables: it is told as text (25).
fn prisma_config(folder: &std::path::Path) -> String {
    let modules = folder.join("prisma/node_modules").display().to_string();
    format!(
        "import {{ PrismaPg }} from '{modules}/@prisma/adapter-pg/dist/index.mjs'
import Result from '{modules}/pg/lib/result.js'
const add = Result.prototype.addFields
Result.prototype.addFields = function (fields) {{
  for (const field of fields) if (field.dataTypeID === 19) field.dataTypeID = 25
  return add.call(this, fields)
}}
export default {{
  experimental: {{ adapter: true }},
  engine: 'js',
  schema: './prisma/schema.prisma',
  adapter: async () => new PrismaPg({{ connectionString: process.env.DATABASE_URL }}),
}}
"
    )
}

/// The tool applies its own files under a lease, and then has nothing to do.
fn goes_on(old: &Old, tool: &str) {
    let name = old.name().to_owned();
    let adopted = old.example.run(&["adopt", &name, "--yes"]);
    assert!(
        adopted.code == 0 || adopted.err.contains("FH3230"),
        "{}",
        adopted.err
    );
    let first = old.example.run(&["apply"]).done();
    assert!(
        first.contains(&format!("{tool} changed the schema")) && first.contains("orders 0"),
        "{first}"
    );
    assert!(old.example.run(&["apply"]).done().contains("in step"));
    old.example.run(&["destroy", "--force", "--yes"]).done();
}
