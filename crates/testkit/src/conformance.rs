//! What every engine promises, one function a promise, run over every shape.

use std::collections::BTreeMap;

use freehold_engine::{Connection, Keep, Secret, TxMode, Value};
use freehold_lifecycle::{
    SeedWhich, Target, apply, destroy, plan, rollback, seed, status, unseed, verify_rollback,
};
use freehold_model::EngineKind;

use crate::bookshop::enter;
use crate::must::Must as _;
use crate::neighbour::Neighbour;
use crate::orders::{orders_files, orders_target, orders_target_of};
use crate::shape::{Admin, Shape};

/// plan → apply → nothing to do, and nothing sent → seed twice → undo → rollback → destroy →
/// nothing is left, and a neighbour on the same server was never touched.
pub async fn the_whole_way_and_back(shape: &Shape) {
    let mut neighbour = Neighbour::moves_in(shape).await;
    let targets = [orders_target(shape)];
    let before = everything(shape).await;

    let first = plan(&targets).await.must("a first plan");
    assert!(
        !first[0].exists && !first[0].steps.is_empty(),
        "the first plan makes the store"
    );
    assert_eq!(first[0].migrations.len(), 3);
    assert_eq!(everything(shape).await, before, "a plan changes nothing");

    let position = log_position(shape);
    let applied = apply(&targets, &|_| {}).await.must("the first apply");
    assert_eq!(
        applied[0].migrations,
        ["0001_orders", "0002_items", "0003_statuses"]
    );
    assert_eq!(applied[0].tables.len(), 3, "{:?}", applied[0].tables);
    assert!(
        changed_since(shape, position),
        "the server's log has to show the first apply"
    );

    nothing_left_to_do(shape, &targets).await;
    seeds_come_and_go(&targets).await;
    nothing_left_to_do(shape, &targets).await;

    let applied_schema = schema(&targets[0]).await;
    assert!(!applied_schema.is_empty());
    rollback(&targets, Some(1)).await.must("back to 0001");
    apply(&targets, &|_| {}).await.must("and up again");
    assert_eq!(
        schema(&targets[0]).await,
        applied_schema,
        "down and up is where it was"
    );
    let undone = rollback(&targets, Some(0)).await.must("all the way back");
    assert_eq!(
        undone[0].migrations,
        ["0003_statuses", "0002_items", "0001_orders"]
    );
    let left = schema(&targets[0]).await;
    let of_the_service = left
        .keys()
        .filter(|object| !object.starts_with("extension ") && !object.starts_with("schema "));
    assert_eq!(
        of_the_service.count(),
        0,
        "no object of the service is left: {left:?}"
    );
    apply(&targets, &|_| {}).await.must("up once more");

    destroy(&targets, Keep::default(), false, false)
        .await
        .must("destroy");
    let left = status(&targets).await.must("status of nothing");
    assert!(!left[0].exists);
    assert_eq!(everything(shape).await, before, "nothing is left behind");
    let again = destroy(&targets, Keep::default(), false, false)
        .await
        .must("destroy of nothing");
    assert!(again[0].steps.is_empty());
    if let Some(neighbour) = &mut neighbour {
        neighbour.is_untouched().await;
    }
}

async fn nothing_left_to_do(shape: &Shape, targets: &[Target]) {
    let second = plan(targets).await.must("a second plan");
    assert!(
        second[0].is_empty(),
        "the second plan has to be empty: {:#?}",
        second[0].steps
    );
    let position = log_position(shape);
    let applied = apply(targets, &|_| {}).await.must("a second apply");
    assert!(applied[0].is_silent());
    if let Some(server) = &shape.server {
        let sent = server.changing_statements_since(position);
        let ours: Vec<_> = sent
            .iter()
            .filter(|sql| sql.contains(&shape.name))
            .collect();
        assert!(ours.is_empty(), "a second apply sends no change: {ours:#?}");
    }
}

async fn seeds_come_and_go(targets: &[Target]) {
    let rows = |seeded: &[freehold_lifecycle::Seeded]| {
        seeded[0]
            .tables
            .iter()
            .find(|table| table.table.ends_with("statuses"))
            .and_then(|table| table.rows)
    };
    let once = seed(targets, SeedWhich::All).await.must("seeds");
    let twice = seed(targets, SeedWhich::All).await.must("seeds again");
    assert_eq!((rows(&once), rows(&twice)), (Some(3), Some(3)));
    let known = seed(targets, SeedWhich::New).await.must("nothing new");
    assert!(known[0].seeds.is_empty());
    let undone = unseed(targets).await.must("seeds taken out");
    assert_eq!(rows(&undone), Some(1), "what the migration put in stays");
    let undone = unseed(targets).await.must("taken out twice");
    assert_eq!(rows(&undone), Some(1));
}

/// A service that publishes and keeps a copy: made once, read by whoever may, and gone with the store.
pub async fn events_stand_beside_the_tables(shape: &Shape) {
    let before = everything(shape).await;
    let targets = [with_events(shape)];
    let applied = apply(&targets, &|_| {}).await;
    // The tests' servers write a binlog, and this admin may make no trigger beside one.
    if shape.kind == EngineKind::Mariadb && shape.admin == Admin::Plain {
        let codes: Vec<&str> = applied
            .err()
            .must("refused")
            .iter()
            .map(|it| it.code)
            .collect();
        assert_eq!(codes, ["FH3135"]);
        assert_eq!(everything(shape).await, before, "nothing was changed");
        return;
    }
    applied.must("the first apply");
    nothing_left_to_do(shape, &targets).await;

    let [target] = &targets;
    let names = &target.want.identities;
    let mut program = enter(target, &names.app.logins[0]).await;
    let outbox = target.want.spot.own("outbox");
    let key = if target.want.spot.schema.is_empty() && target.engine.info().identities {
        "`key`"
    } else {
        "\"key\""
    };
    let event = format!("INSERT INTO {outbox} (topic, {key}) VALUES ('order.placed.v1', '5')");
    program.execute(&event).await.must("the program publishes");
    let copy = format!("DELETE FROM {}", in_store(shape, "book_cache"));
    let refused = program.execute(&copy).await;
    // Nobody can be kept out of a file.
    assert_eq!(refused.is_err(), target.engine.info().identities);
    drop(program);

    let mut sidecar = enter(target, &names.sidecar).await;
    sidecar.begin(TxMode::Relay).await.must("begin");
    let looked = sidecar.poll_outbox(&target.want, "", 10).await;
    assert_eq!(looked.must("a look").rows.len(), 1);
    sidecar.rollback().await.must("rollback");
    let sql = target.engine.events(&target.want).must("statements");
    let today = &sql.snapshots["order.placed.v1"];
    let rows = sidecar.query(today, &["".into(), Value::I64(10)]).await;
    assert!(rows.must("rows of today").is_empty());
    drop(sidecar);

    // Also below what today's rows are read from.
    rollback(&targets, Some(0)).await.must("all the way back");
    apply(&targets, &|_| {}).await.must("and up again");
    nothing_left_to_do(shape, &targets).await;
    destroy(&targets, Keep::default(), false, false)
        .await
        .must("destroy");
    assert_eq!(everything(shape).await, before, "nothing is left behind");
}

fn in_store(shape: &Shape, table: &str) -> String {
    if shape.isolation == freehold_model::Isolation::Tables {
        format!("{}_{table}", shape.name)
    } else {
        table.to_owned()
    }
}

fn with_events(shape: &Shape) -> Target {
    let mut files = orders_files(shape);
    let (cache, orders) = (in_store(shape, "book_cache"), in_store(shape, "orders"));
    let mut file =
        |path: &str, text: String| files.0.entry(path.into()).or_default().push_str(&text);
    file(
        "services/orders/service.yaml",
        format!(
            "publishes:\n  order.placed.v1: {{ schema: events/order.json, key: orderId, snapshot: \"SELECT order_id, NULL FROM {orders}\" }}\n\
             copies:\n  {cache}:\n    from: {}_catalog/book.changed.v1\n    key: {{ book_id: bookId }}\n    columns: {{ version_number: version }}\n    provenance: {{ version: version_number }}\n",
            shape.name
        ),
    );
    file(
        "services/catalog/service.yaml",
        format!(
            "service: {}_catalog\nstore: {{ server: other }}\npublishes:\n  book.changed.v1: {{ schema: events/book.json, key: bookId }}\n",
            shape.name
        ),
    );
    file(
        "services/orders/migrations/0004_book_cache.up.sql",
        format!(
            "CREATE TABLE {cache} (book_id BIGINT PRIMARY KEY, version_number BIGINT NOT NULL);\n"
        ),
    );
    file(
        "services/orders/migrations/0004_book_cache.down.sql",
        format!("DROP TABLE {cache};\n"),
    );
    // A server that a service has for itself is nobody else's.
    let system = files.0.get_mut(std::path::Path::new("freehold.yaml"));
    let system = system.must("the file");
    let other = format!(
        "servers:\n  other: {{ engine: {}, url: \"env:NOT_ASKED_FOR_EITHER\" }}",
        shape.kind.name()
    );
    *system = system.replace("servers:", &other);
    orders_target_of(shape, &files).must("the files are right")
}

/// A store is described with a change: only the change is sent, and the new rights hold.
pub async fn a_table_becomes_append_only(shape: &Shape) {
    let mut files = orders_files(shape);
    apply(&[orders_target(shape)], &|_| {})
        .await
        .must("the first apply");
    let service = files
        .0
        .get_mut(std::path::Path::new("services/orders/service.yaml"))
        .must("the file");
    let statuses = if shape.isolation == freehold_model::Isolation::Tables {
        format!("{}_statuses", shape.name)
    } else {
        "statuses".to_owned()
    };
    *service += "  ";
    *service += &statuses;
    *service += ": { append_only: true }\n";
    let target = [orders_target_of(shape, &files).must("the changed files")];
    let changed = plan(&target).await.must("a plan");
    assert!(!changed[0].is_empty() && changed[0].migrations.is_empty());
    apply(&target, &|_| {}).await.must("the change");
    nothing_left_to_do(shape, &target).await;
    destroy(&target, Keep::default(), false, false)
        .await
        .must("destroy");
}

/// A migration that fails leaves the ledger true, says where it stopped, and goes on when mended.
pub async fn a_failed_migration_goes_on(shape: &Shape) {
    let mut files = orders_files(shape);
    let path = std::path::Path::new("services/orders/migrations/0003_statuses.up.sql");
    let right = files.0.get(path).must("the file").clone();
    let wrong = right.replace("('pending', 'Pending')", "('pending', NULL)");
    files.0.insert(path.to_owned(), wrong);
    let broken = [orders_target_of(shape, &files).must("it parses")];
    let faults = apply(&broken, &|_| {}).await.err().must("it fails");
    let transactional = freehold_builtin::engine(shape.kind)
        .must("an engine")
        .info()
        .ddl
        == freehold_engine::Ddl::Transactional;
    assert_eq!(
        faults[0].code,
        if transactional { "FH3205" } else { "FH3204" },
        "{faults:?}"
    );
    assert_eq!(
        faults[0].place.as_ref().map(|place| place.line),
        Some(2),
        "{faults:?}"
    );
    assert_eq!(
        migrators(shape).await,
        0,
        "no migrator is left that can log in"
    );

    files.0.insert(path.to_owned(), right);
    let mended = [orders_target_of(shape, &files).must("it parses")];
    let applied = apply(&mended, &|_| {}).await.must("it goes on");
    assert_eq!(applied[0].migrations, ["0003_statuses"]);
    nothing_left_to_do(shape, &mended).await;
    destroy(&mended, Keep::default(), false, false)
        .await
        .must("destroy");
}

/// A migration that meets a lock lets others through and tries again; when the lock stays, it gives
/// up by code with nothing half done, and goes on later.
pub async fn a_lock_is_waited_for_a_short_time(shape: &Shape) {
    if shape.server.is_none() {
        return;
    }
    let targets = [orders_target(shape)];
    apply(&targets, &|_| {}).await.must("apply");
    let mut files = orders_files(shape);
    let tables = &targets[0].tables;
    let table = tables.iter().find(|table| table.ends_with("statuses"));
    let table = table.must("the table").clone();
    let folder = std::path::Path::new("services/orders/migrations");
    files.0.insert(
        folder.join("0004_note.up.sql"),
        format!("-- freehold: lock_timeout: 100ms\nALTER TABLE {table} ADD note VARCHAR(20);\n"),
    );
    let target = [orders_target_of(shape, &files).must("it parses")];
    let sql = format!("UPDATE {table} SET label = 'x' WHERE code = 'pending'");

    let mut files_with_type = orders_files(shape);
    let alter = if shape.kind == freehold_model::EngineKind::Postgres {
        format!("ALTER TABLE {table} ALTER label TYPE VARCHAR(80);\n")
    } else {
        format!("ALTER TABLE {table} MODIFY label VARCHAR(80) NOT NULL;\n")
    };
    files_with_type
        .0
        .insert(folder.join("0004_wide.up.sql"), alter);
    let wide = [orders_target_of(shape, &files_with_type).must("it parses")];
    let told = plan(&wide).await.must("a plan");
    let caution = told[0].cautions.first().must("a caution");
    assert_eq!(
        (caution.table.as_str(), caution.effect.as_str()),
        (table.as_str(), "rewrites")
    );
    assert!(caution.bytes.is_some_and(|bytes| bytes > 0), "{caution:?}");
    assert!(plan(&target).await.must("a plan")[0].cautions.is_empty());

    let mut long = owner(&targets[0]).await;
    long.begin(TxMode::Write).await.must("begin");
    long.execute(&sql).await.must("a lock is held");
    let faults = apply(&target, &|_| {}).await.err().must("it gives up");
    assert_eq!(faults[0].code, "FH3216", "{faults:?}");
    assert_eq!(migrators(shape).await, 0);

    // Not before the run's migrator is there: on a busy machine that alone takes a second.
    let ends = async {
        let begun = std::time::Instant::now();
        while migrators(shape).await == 0 && begun.elapsed().as_secs() < 60 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
        long.rollback().await.must("the long transaction ends");
    };
    let (applied, ()) = tokio::join!(apply(&target, &|_| {}), ends);
    let applied = applied.must("it goes on");
    assert_eq!(applied[0].migrations, ["0004_note"]);
    assert_eq!(applied[0].lock_waits[0].migration, "0004_note");
    nothing_left_to_do(shape, &target).await;
    drop(long);
    destroy(&target, Keep::default(), false, false)
        .await
        .must("destroy");
}

/// `--verify-rollback`: right downs are proven on a scratch copy, of which nothing is left; one that
/// does not restore is named with the object; the store itself is never touched.
pub async fn a_down_is_proven_on_a_copy(shape: &Shape) {
    let before = everything(shape).await;
    let targets = [orders_target(shape)];
    apply(&targets, &|_| {}).await.must("apply");
    let live = everything(shape).await;
    let proven = verify_rollback(&targets).await.must("the downs are right");
    assert_eq!(proven[0].store, shape.name);
    assert_eq!(proven[0].migrations.len(), 3, "{proven:?}");
    assert_eq!(proven[0].seeds, ["01_statuses"]);
    assert_eq!(everything(shape).await, live, "nothing of the copy is left");
    for (wrong, code, object) in wrong_downs(shape) {
        let mut files = orders_files(shape);
        for (file, text) in wrong {
            let path = std::path::Path::new("services/orders/migrations").join(file);
            files.0.insert(path, text);
        }
        let target = [orders_target_of(shape, &files).must("it parses")];
        let faults = verify_rollback(&target).await.err().must("it is refused");
        assert_eq!(faults[0].code, code, "{faults:?}");
        assert!(faults[0].message.contains(&object), "{faults:?}");
        assert_eq!(everything(shape).await, live, "nothing of the copy is left");
    }
    nothing_left_to_do(shape, &targets).await;
    destroy(&targets, Keep::default(), false, false)
        .await
        .must("destroy");
    assert_eq!(everything(shape).await, before);
}

/// Its name among the migrations, and its text.
type File = (&'static str, String);

/// Files that are changed or added, the code, and what has to be named: an object that a down
/// leaves, rows that it leaves above one that is irreversible, an up that does something else the
/// second time.
fn wrong_downs(shape: &Shape) -> Vec<(Vec<File>, &'static str, String)> {
    let prefix = match shape.isolation {
        freehold_model::Isolation::Tables => format!("{}_", shape.name),
        _ => String::new(),
    };
    let log = || {
        let made = format!("CREATE TABLE {prefix}log (what VARCHAR(20));\n");
        ("0004_log.up.sql", made)
    };
    let mut wrong = vec![
        (
            vec![(
                "0003_statuses.down.sql",
                format!("DROP VIEW {prefix}open_orders;\n"),
            )],
            "FH3212",
            format!("table {prefix}statuses differs"),
        ),
        (
            vec![
                log(),
                (
                    "0005_rows.up.sql",
                    format!("INSERT INTO {prefix}log VALUES ('once');\n"),
                ),
                ("0005_rows.down.sql", "SELECT 1;\n".to_owned()),
            ],
            "FH3215",
            format!("rows of {prefix}log"),
        ),
    ];
    if shape.kind == freehold_model::EngineKind::Postgres {
        let up = format!(
            "DO $$ BEGIN IF EXISTS (SELECT FROM {prefix}log) THEN ALTER TABLE {prefix}log ADD b int; \
             ELSE ALTER TABLE {prefix}log ADD a int; END IF; END $$;\nINSERT INTO {prefix}log VALUES ('once');\n"
        );
        let down =
            format!("ALTER TABLE {prefix}log DROP COLUMN IF EXISTS a, DROP COLUMN IF EXISTS b;\n");
        wrong.push((
            vec![
                log(),
                ("0005_fickle.up.sql", up),
                ("0005_fickle.down.sql", down),
            ],
            "FH3214",
            format!("table {prefix}log differs"),
        ));
    }
    wrong
}

/// A migration that opens a way around an append-only table is taken back whole, by its own code.
pub async fn a_hole_made_by_a_migration_is_refused(shape: &Shape) {
    if shape.kind != freehold_model::EngineKind::Postgres {
        return;
    }
    let prefix = if shape.isolation == freehold_model::Isolation::Tables {
        format!("{}_", shape.name)
    } else {
        String::new()
    };
    let mut files = orders_files(shape);
    apply(&[orders_target(shape)], &|_| {}).await.must("apply");
    let hole = format!(
        "CREATE FUNCTION {prefix}forget() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS \
         $$ BEGIN DELETE FROM {prefix}order_items; RETURN NEW; END $$;\n\
         CREATE TRIGGER {prefix}forgets AFTER UPDATE ON {prefix}orders FOR EACH ROW EXECUTE FUNCTION {prefix}forget();\n"
    );
    let path = "services/orders/migrations/0004_hole.up.sql";
    files.0.insert(path.into(), hole);
    let target = [orders_target_of(shape, &files).must("it parses")];
    let faults = apply(&target, &|_| {}).await.err().must("refused");
    assert_eq!(faults[0].code, "FH3104", "{faults:?}");
    let before = [orders_target(shape)];
    nothing_left_to_do(shape, &before).await;
    destroy(&before, Keep::default(), false, false)
        .await
        .must("destroy");
}

/// Whoever is connected is not cut off unless that was asked for.
pub async fn destroy_minds_who_is_connected(shape: &Shape) {
    if shape.server.is_none() {
        return;
    }
    let targets = [orders_target(shape)];
    apply(&targets, &|_| {}).await.must("apply");
    let mut peer = the_program(&targets[0]).await;
    let faults = destroy(&targets, Keep::default(), false, false).await;
    let faults = faults.err().must("destroy is refused");
    assert_eq!(faults[0].code, "FH3401", "{faults:?}");
    peer.query("SELECT 1", &[])
        .await
        .must("the session is as it was");
    destroy(&targets, Keep::default(), true, false)
        .await
        .must("destroy --force");
    let left = status(&targets).await.must("status");
    assert!(!left[0].exists);
}

/// `--keep data` leaves the rows, `--keep credentials` the logins; a later apply takes them up.
pub async fn destroy_keeps_what_is_asked(shape: &Shape) {
    let targets = [orders_target(shape)];
    let before = everything(shape).await;
    apply(&targets, &|_| {}).await.must("apply");
    seed(&targets, SeedWhich::All).await.must("seed");
    destroy(
        &targets,
        Keep {
            data: true,
            credentials: false,
        },
        false,
        false,
    )
    .await
    .must("destroy, data kept");
    let applied = apply(&targets, &|_| {}).await.must("apply over kept data");
    let rows = applied[0]
        .tables
        .iter()
        .find(|table| table.table.ends_with("statuses"))
        .and_then(|table| table.rows);
    assert_eq!(
        rows,
        Some(3),
        "the rows are there, the migrations did not run again"
    );
    destroy(
        &targets,
        Keep {
            data: false,
            credentials: true,
        },
        false,
        false,
    )
    .await
    .must("destroy, logins kept");
    apply(&targets, &|_| {})
        .await
        .must("apply over kept logins");
    destroy(&targets, Keep::default(), false, false)
        .await
        .must("destroy");
    assert_eq!(everything(shape).await, before, "nothing is left behind");
}

/// Names of all databases, roles and accounts of the server; files of a store.
pub async fn everything(shape: &Shape) -> Vec<Vec<Value>> {
    let Some(server) = &shape.server else {
        let freehold_engine::Address::Path(folder) = &shape.endpoint.address else {
            return Vec::new();
        };
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut names: Vec<_> = entries
            .map(|entry| {
                vec![Value::Text(
                    entry.file_name().to_string_lossy().into_owned(),
                )]
            })
            .collect();
        names.sort_by_key(|row| row[0].text().map(str::to_owned));
        return names;
    };
    let mut connection = server.connect().await;
    let like = format!("{}%", shape.name);
    let sql = if shape.kind == freehold_model::EngineKind::Postgres {
        format!(
            "SELECT 'role', rolname::text FROM pg_roles WHERE rolname LIKE '{like}' \
             UNION ALL SELECT 'database', datname::text FROM pg_database WHERE datname LIKE '{like}' ORDER BY 1, 2"
        )
    } else {
        format!(
            "SELECT 'account', user FROM mysql.user WHERE user LIKE '{like}' \
             UNION ALL SELECT 'database', schema_name FROM information_schema.schemata WHERE schema_name LIKE '{like}' \
             UNION ALL SELECT 'right', CONCAT(user, db) FROM mysql.db WHERE user LIKE '{like}' \
             UNION ALL SELECT 'right', CONCAT(user, table_name) FROM mysql.tables_priv WHERE user LIKE '{like}' ORDER BY 1, 2"
        )
    };
    let mut found = connection.query(&sql, &[]).await.must("names");
    found.extend(in_shared(shape).await);
    found
}

/// What stands in the shared database, at the levels that share one.
async fn in_shared(shape: &Shape) -> Vec<Vec<Value>> {
    let shared = format!("{}_shared", shape.name);
    if shape.endpoint.database.as_deref() != Some(shared.as_str()) {
        return Vec::new();
    }
    let Some(server) = &shape.server else {
        return Vec::new();
    };
    let engine = freehold_builtin::engine(shape.kind).must("an engine");
    let mut connection = engine
        .connect(&server.admin.with_database(&shared))
        .await
        .must("the shared database");
    let sql = if shape.kind == freehold_model::EngineKind::Postgres {
        "SELECT nspname::text, coalesce(relname::text, '') FROM pg_namespace n LEFT JOIN pg_class c ON c.relnamespace = n.oid \
         WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema' ORDER BY 1, 2"
            .to_owned()
    } else {
        format!(
            "SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema = '{shared}' ORDER BY 1, 2"
        )
    };
    connection
        .query(&sql, &[])
        .await
        .must("what is in the shared database")
}

/// How many migrators of this shape can log in.
pub async fn migrators(shape: &Shape) -> usize {
    let Some(server) = &shape.server else {
        return 0;
    };
    let mut connection = server.connect().await;
    let sql = if shape.kind == freehold_model::EngineKind::Postgres {
        format!(
            "SELECT 1 FROM pg_roles WHERE rolname = '{}_migrator'",
            shape.name
        )
    } else {
        format!(
            "SELECT 1 FROM mysql.global_priv WHERE user IN ('{0}_migrator', '{0}_owner') \
             AND COALESCE(JSON_VALUE(priv, '$.account_locked'), 'false') NOT IN ('true', '1')",
            shape.name
        )
    };
    connection.query(&sql, &[]).await.must("migrators").len()
}

/// The store's definitions, as its owner sees them.
pub async fn schema(target: &Target) -> BTreeMap<String, String> {
    let mut connection = owner(target).await;
    connection.schema(&target.want).await.must("the schema")
}

/// A session of the service's own program, with a password made for it.
pub async fn the_program(target: &Target) -> Box<dyn Connection> {
    let login = &target.want.identities.app.logins[0];
    let at = target.engine.at_store(&target.admin, &target.want.spot);
    let password = Secret::generate();
    let mut issuer = target.engine.connect(&at).await.must("the issuer enters");
    let verifier = target.engine.verifier(issuer.probe(), login, &password);
    let given = issuer.issue(&target.want, login, Some(&verifier)).await;
    given.must("the login gets a password");
    let program = target
        .engine
        .connect(&at.with_login(login, Some(password)))
        .await;
    program.must("the program enters")
}

/// A connection that acts as the store's owner.
pub async fn owner(target: &Target) -> Box<dyn Connection> {
    let at = target.engine.at_store(&target.admin, &target.want.spot);
    let mut connection = target
        .engine
        .connect(&at)
        .await
        .must("the admin enters the store");
    connection
        .assume_owner(&target.want)
        .await
        .must("and acts as its owner");
    connection
}

/// A session that is dropped in the middle of a transaction leaves nothing.
pub async fn a_dropped_session_rolls_back(shape: &Shape) {
    let target = orders_target(shape);
    apply(std::slice::from_ref(&target), &|_| {})
        .await
        .must("apply");
    let table = target
        .tables
        .iter()
        .find(|table| table.ends_with("statuses"))
        .must("the table")
        .clone();
    let mut one = owner(&target).await;
    one.begin(TxMode::Write).await.must("begin");
    one.execute(&format!(
        "INSERT INTO {table} (code, label) VALUES ('lost', 'Lost')"
    ))
    .await
    .must("insert");
    drop(one);
    let mut other = owner(&target).await;
    let rows = other
        .query(
            &format!("SELECT code FROM {table} WHERE code = 'lost'"),
            &[],
        )
        .await
        .must("a query");
    assert!(rows.is_empty(), "{rows:?}");
    drop(other);
    destroy(std::slice::from_ref(&target), Keep::default(), true, false)
        .await
        .must("destroy");
}

fn log_position(shape: &Shape) -> u64 {
    shape
        .server
        .as_ref()
        .map_or(0, |server| server.log_position())
}

/// Without a server there is no log to look at, and nothing is claimed.
fn changed_since(shape: &Shape, position: u64) -> bool {
    shape
        .server
        .as_ref()
        .is_none_or(|server| !server.changing_statements_since(position).is_empty())
}
