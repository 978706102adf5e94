//! The attack list: what each identity tries, and that it is refused, bounded, or told with a code.
//!
//! Effects are tested, not error codes: before and after each attempt the server's state as its
//! administrator sees it must be the same, and no answer may hold a canary that others wrote. An
//! attempt that does have an effect must be *advisory*: its code stands in every plan.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use freehold_engine::{Connection, Engine, ErrorKind, Keep, Value};
use freehold_mysql::Mysql;

use crate::world::{Admin, World};

const CANARY: &str = "CANARY of somebody else";

/// What has to come of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// An error, and nothing has changed.
    Refused,
    /// The server answers; nothing has changed and nothing of others is told.
    Nothing,
    /// It does what it says, within this limit, and changes nothing.
    Bounded(&'static str),
    /// It has an effect, which every plan tells under this code. The administrator's statement undoes it.
    Told(&'static str, &'static str),
}
use Outcome::{Bounded, Nothing, Refused, Told};

/// The statements of one session and what comes of them for app, sidecar and backup.
struct Attempt(&'static str, [Outcome; 3]);

/// Refused for everybody.
const fn all(sql: &'static str) -> Attempt {
    Attempt(sql, [Refused; 3])
}

/// The same for everybody.
const fn each(sql: &'static str, outcome: Outcome) -> Attempt {
    Attempt(sql, [outcome; 3])
}

const FORGED: Outcome = Told("FH3120", "DELETE FROM orders.order_items WHERE id > 1000");
const SHARED: Outcome = Told("FH3127", "SELECT 1");

#[rustfmt::skip]
const ATTEMPTS: &[Attempt] = &[
    // Append-only tables.
    all("UPDATE order_items SET order_id = 2"),
    all("DELETE FROM order_items"),
    all("TRUNCATE TABLE order_items"),
    all("REPLACE INTO order_items (id, order_id) VALUES (1, 2)"),
    all("INSERT INTO order_items (id, order_id) VALUES (1, 1) ON DUPLICATE KEY UPDATE order_id = 2"),
    all("UPDATE orders JOIN order_items ON order_items.order_id = orders.id SET order_items.order_id = 2"),
    all("DELETE orders, order_items FROM orders JOIN order_items ON order_items.order_id = orders.id"),
    all("EXPLAIN DELETE FROM order_items"),
    all("PREPARE s FROM 'DELETE FROM order_items'; EXECUTE s"),
    all("UPDATE all_items SET order_id = 2"),
    all("DELETE FROM all_items"),
    all("LOAD DATA INFILE '/etc/hostname' REPLACE INTO TABLE order_items (order_id)"),
    all("LOAD DATA LOCAL INFILE '/etc/hostname' INTO TABLE order_items (order_id)"),
    all("ALTER TABLE order_items AUTO_INCREMENT = 1"),
    all("CALL forget_items()"),
    all("SELECT forget_one()"),
    Attempt("SET SESSION foreign_key_checks = 0; INSERT INTO order_items (order_id) VALUES (99999)", [Told("FH3120", "DELETE FROM orders.order_items WHERE order_id = 99999"), Refused, Refused]),
    // Definitions.
    all("CREATE TABLE t2 (id INT)"),
    all("CREATE TEMPORARY TABLE t2 (id INT)"),
    all("CREATE OR REPLACE VIEW recent AS SELECT 1"),
    all("CREATE INDEX i ON orders (note)"),
    all("CREATE TRIGGER t AFTER INSERT ON orders FOR EACH ROW DELETE FROM order_items"),
    all("CREATE EVENT e ON SCHEDULE EVERY 1 SECOND DO DELETE FROM orders.order_items"),
    all("CREATE PROCEDURE p() SELECT 1"),
    all("CREATE FUNCTION f() RETURNS INT RETURN 1"),
    all("CREATE DEFINER = orders_owner@'127.0.0.1' PROCEDURE p() DELETE FROM order_items"),
    all("ALTER PROCEDURE touch SQL SECURITY DEFINER"),
    all("DROP PROCEDURE freehold_issue"),
    all("DROP TABLE order_items"),
    all("RENAME TABLE order_items TO gone"),
    all("ALTER TABLE order_items DROP COLUMN order_id"),
    all("ALTER TABLE orders DISABLE KEYS"),
    all("CREATE DATABASE mine"),
    all("DROP DATABASE orders"),
    all("ALTER DATABASE orders CHARACTER SET latin1"),
    all("LOCK TABLES order_items WRITE"),
    all("LOCK TABLES orders READ"),
    // Who one is.
    all("SET ROLE orders_owner"),
    all("SET ROLE their_role"),
    all("SET PASSWORD FOR orders_owner@'127.0.0.1' = '*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19'"),
    all("ALTER USER orders_owner@'127.0.0.1' ACCOUNT UNLOCK"),
    all("ALTER USER orders_app_2@'127.0.0.1' ACCOUNT UNLOCK"),
    all("ALTER USER CURRENT_USER() WITH MAX_USER_CONNECTIONS 0"),
    all("ALTER USER CURRENT_USER() REQUIRE NONE"),
    all("CREATE USER intruder@'%' IDENTIFIED BY 'x'"),
    all("DROP USER orders_app_2@'127.0.0.1'"),
    all("RENAME USER orders_app_2@'127.0.0.1' TO intruder@'%'"),
    all("GRANT SELECT ON orders.orders TO theirs@'%'"),
    all("GRANT DELETE ON orders.order_items TO orders_app_1@'127.0.0.1'"),
    all("GRANT PROXY ON orders_owner@'127.0.0.1' TO orders_app_1@'127.0.0.1'"),
    all("REVOKE ALL PRIVILEGES, GRANT OPTION FROM orders_app_2@'127.0.0.1'"),
    all("SHOW GRANTS FOR theirs@'%'"),
    all("SHOW CREATE USER theirs@'%'"),
    Attempt("CALL freehold_issue('orders_app_2', NULL)", [Refused, Nothing, Refused]),
    all("CALL freehold_issue('orders_owner', '*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19')"),
    all("CALL freehold_issue('orders_app_2', '*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E1'' ACCOUNT UNLOCK -- ')"),
    all("SET sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES'; CALL freehold_issue('orders_app_2', '*\\'' OR 1')"),
    // The server's files and settings.
    all("SELECT * FROM orders INTO OUTFILE '/tmp/freehold-attack'"),
    all("SELECT 1 INTO DUMPFILE '/tmp/freehold-attack'"),
    each("SELECT LOAD_FILE('/etc/passwd')", Nothing),
    all("LOAD DATA INFILE '/etc/passwd' INTO TABLE orders (note)"),
    all("SET GLOBAL max_connections = 1"),
    all("SET GLOBAL general_log = 1"),
    all("SET GLOBAL local_infile = 1"),
    all("SET GLOBAL log_bin_trust_function_creators = 1"),
    all("SET SESSION sql_log_bin = 0"),
    all("FLUSH PRIVILEGES"),
    all("FLUSH TABLES WITH READ LOCK"),
    all("SHUTDOWN"),
    all("INSTALL PLUGIN x SONAME 'x.so'"),
    all("CREATE FUNCTION sys_exec RETURNS INTEGER SONAME 'x.so'"),
    all("CREATE SERVER s FOREIGN DATA WRAPPER mysql OPTIONS (HOST '127.0.0.1')"),
    all("SHOW BINARY LOGS"),
    all("SHOW BINLOG EVENTS"),
    all("START SLAVE"),
    // Others.
    all("SELECT * FROM theirs.t"),
    all("USE theirs"),
    all("SELECT * FROM mysql.user"),
    all("SELECT * FROM mysql.db"),
    all("SELECT * FROM mysql.proc"),
    all("KILL 1"),
    each("SHOW PROCESSLIST", Nothing),
    each("SELECT info FROM information_schema.processlist", Nothing),
    all("SHOW ENGINE INNODB STATUS"),
    all("SELECT * FROM information_schema.innodb_trx"),
    all("SELECT sql_text FROM performance_schema.events_statements_history"),
    all("SELECT sql_text FROM performance_schema.events_statements_current"),
    all("SELECT processlist_info FROM performance_schema.threads"),
    all("UPDATE performance_schema.setup_consumers SET enabled = 'NO'"),
    each("SHOW DATABASES", Nothing),
    each("SELECT table_name FROM information_schema.tables WHERE table_schema = 'theirs'", Nothing),
    each("SELECT * FROM information_schema.user_privileges", Nothing),
    all("XA ROLLBACK 'not there'"),
    each("SELECT GET_LOCK('lock of another service', 0)", SHARED),
    each("SELECT SLEEP(0), BENCHMARK(1, 1)", SHARED),
    // What belongs to somebody else of the same service.
    Attempt("SELECT * FROM freehold_ledger", [Refused, Nothing, Nothing]),
    all("INSERT INTO freehold_ledger SELECT * FROM freehold_ledger"),
    all("UPDATE freehold_ledger SET state = 'done'"),
    all("DELETE FROM freehold_ledger"),
    Attempt("SELECT * FROM orders", [Nothing, Refused, Nothing]),
    Attempt("DELETE FROM orders WHERE id = -1", [Nothing, Refused, Refused]),
    Attempt("INSERT INTO orders SELECT * FROM orders WHERE 1 = 0", [Nothing, Refused, Refused]),
    // The event plane.
    Attempt("SELECT payload FROM freehold_outbox", [Refused, Nothing, Nothing]),
    all("INSERT INTO freehold_outbox (id, topic, `key`) VALUES (7, 'a.v1', 'k')"),
    all("INSERT INTO freehold_outbox (topic, `key`) VALUES ('a.v1', 'k') ON DUPLICATE KEY UPDATE topic = 'b.v1'"),
    Attempt("REPLACE INTO freehold_outbox (topic, `key`) VALUES ('a.v1', 'k')", [Refused, Bounded("its own outbox"), Refused]),
    all("UPDATE freehold_outbox SET payload = NULL"),
    Attempt("DELETE FROM freehold_outbox", [Refused, Bounded("what was acknowledged"), Refused]),
    all("TRUNCATE TABLE freehold_outbox"),
    all("DROP TRIGGER freehold_outbox_number"),
    all("DROP FUNCTION freehold_lock"),
    Attempt("SELECT freehold_lock('k')", [Bounded("innodb_lock_wait_timeout, own slots"), Refused, Refused]),
    Attempt("SELECT COUNT(*) FROM freehold_outbox_slot", [Refused, Nothing, Nothing]),
    all("UPDATE freehold_outbox_slot SET slot = 5000 WHERE slot = 5"),
    all("DELETE FROM freehold_outbox_slot"),
    all("INSERT INTO freehold_outbox_slot VALUES (5000)"),
    Attempt("SELECT * FROM freehold_batch", [Refused, Nothing, Nothing]),
    Attempt("DELETE FROM freehold_leadership", [Refused, Bounded("its own leadership"), Refused]),
    Attempt("SELECT * FROM freehold_snapshot_order_noted_v1", [Refused, Nothing, Nothing]),
    Attempt("SELECT * FROM book_cache", [Nothing, Nothing, Nothing]),
    Attempt("UPDATE book_cache SET title = 'x' WHERE book_id = -1", [Refused, Nothing, Refused]),
    Attempt("DELETE FROM book_cache WHERE book_id = -1", [Refused, Nothing, Refused]),
    Attempt("INSERT INTO book_cache SELECT * FROM book_cache WHERE 1 = 0", [Refused, Nothing, Refused]),
    Attempt("OPTIMIZE TABLE order_items", [Bounded("own tables"), Refused, Refused]),
];

/// What only `MariaDB` has, or has otherwise.
#[rustfmt::skip]
const MARIADB: &[Attempt] = &[
    Attempt("SELECT * FROM order_items FOR UPDATE", [Bounded("innodb_lock_wait_timeout, own rows"), Refused, Bounded("innodb_lock_wait_timeout, own rows")]),
    Attempt("INSERT INTO order_items (id, order_id) VALUES (9000, 1)", [FORGED, Refused, Refused]),
    all("SELECT NEXTVAL(freehold_outbox_id)"),
    all("SELECT SETVAL(freehold_outbox_id, 1)"),
    all("ALTER SEQUENCE freehold_outbox_id RESTART 1"),
    all("EXECUTE IMMEDIATE 'DELETE FROM order_items'"),
    all("ANALYZE DELETE FROM order_items"),
    all("DELETE HISTORY FROM order_items"),
    all("SET STATEMENT foreign_key_checks = 0 FOR DELETE FROM order_items"),
    all("SELECT * FROM mysql.global_priv"),
    all("SET PASSWORD FOR theirs@'%' = PASSWORD('x')"),
    all("INSTALL SONAME 'ha_connect'"),
    all("BACKUP STAGE START"),
    all("CHANGE MASTER TO MASTER_HOST = '127.0.0.1'"),
    all("RESET MASTER"),
    all("PURGE BINARY LOGS BEFORE NOW()"),
    each("KILL USER freehold_admin", Nothing),
    each("XA RECOVER", SHARED),
];

#[rustfmt::skip]
const MYSQL: &[Attempt] = &[
    all("SELECT * FROM order_items FOR UPDATE"),
    all("INSERT INTO order_items (id, order_id) VALUES (9000, 1)"),
    all("INSERT INTO freehold_outbox_id () VALUES ()"),
    all("CLONE LOCAL DATA DIRECTORY '/tmp/freehold-attack'"),
    all("SET PERSIST max_connections = 1"),
    all("XA RECOVER"),
];

const SETTINGS: [(&str, &str); 3] = [
    ("performance-schema", "ON"),
    ("log-bin", "binlog"),
    ("log-bin-trust-function-creators", "ON"),
];

#[tokio::test]
async fn refused_bounded_or_told() {
    let Some(mut world) = World::new(Admin::Plain, &SETTINGS).await else {
        return;
    };
    stage(&mut world).await;
    let failures = failures(&world).await;
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(!Path::new("/tmp/freehold-attack").exists());
}

/// The list is no list of what always passes: with a right too much it fails, and says where.
#[tokio::test]
async fn a_right_too_much_is_noticed() {
    let Some(mut world) = World::new(Admin::Plain, &SETTINGS).await else {
        return;
    };
    stage(&mut world).await;
    world
        .by_hand(&[
            "GRANT DELETE ON orders.order_items TO orders_app_1@'127.0.0.1'",
            "GRANT PROCESS ON *.* TO orders_sidecar@'127.0.0.1'",
            "GRANT SELECT ON theirs.* TO orders_backup@'127.0.0.1'",
        ])
        .await;
    let failures = failures(&world).await.join("\n");
    for noticed in [
        "orders_app_1: DELETE FROM order_items: it was let through",
        "orders_sidecar: SHOW PROCESSLIST: it told a canary",
        "orders_backup: SELECT * FROM theirs.t: it was let through",
    ] {
        assert!(failures.contains(noticed), "{noticed}\n{failures}");
    }
}

/// Runs the whole list as each identity.
async fn failures(world: &World) -> Vec<String> {
    let told: BTreeSet<&str> = world
        .diff()
        .await
        .advisory
        .iter()
        .map(|fault| fault.code)
        .collect();
    let more = if world.is_mysql() { MYSQL } else { MARIADB };
    // Somebody else at work, whose statement is nobody's to read.
    let mut somebody = world.connect(&world.root).await;
    let lasting = format!("SELECT SLEEP(600), '{CANARY}'");
    let working = tokio::spawn(async move { somebody.execute(&lasting).await });
    let mut failures = vec![];
    for (which, login) in ["orders_app_1", "orders_sidecar", "orders_backup"]
        .into_iter()
        .enumerate()
    {
        let password = world.issue(login).await;
        world.issue("orders_app_2").await;
        let mut watch = world.connect(&world.root).await;
        let mut before = state(&mut watch, world.is_mysql()).await;
        for Attempt(sql, outcomes) in ATTEMPTS.iter().chain(more) {
            let mut session = world.try_log_in(login, &password).await.unwrap();
            let answer = attempt(&mut *session, sql).await;
            drop(session);
            let expected = outcomes[which];
            if let Told(_, undo) = expected {
                watch.execute(undo).await.unwrap();
            }
            let mut after = state(&mut watch, world.is_mysql()).await;
            if sql.starts_with("CALL") && expected == Nothing {
                // The sidecar's own work: it locked the other login.
                world.issue("orders_app_2").await;
                after = state(&mut watch, world.is_mysql()).await;
                before.clone_from(&after);
            }
            let changed = (after != before).then(|| changes(&before, &after));
            if let Some(wrong) = judged(expected, &answer, &told).or(changed) {
                failures.push(format!("{login}: {sql}: {wrong}"));
                before = after;
            }
        }
    }
    assert!(!working.is_finished(), "somebody's session was ended");
    working.abort();
    failures
}

fn judged(
    expected: Outcome,
    answer: &Result<String, String>,
    told: &BTreeSet<&str>,
) -> Option<String> {
    if answer.as_ref().is_ok_and(|text| text.contains(CANARY)) {
        return Some(if expected == Refused {
            "it was let through".to_owned()
        } else {
            "it told a canary".to_owned()
        });
    }
    match (expected, answer) {
        (Refused, Ok(_)) => Some("it was let through".to_owned()),
        (Nothing | Bounded(_) | Told(..), Err(why)) => Some(format!("it was refused: {why}")),
        (Told(code, _), _) if !told.contains(code) => Some(format!("{code} is not told")),
        _ => None,
    }
}

/// Tables, code with the owner's rights, and somebody else's things.
async fn stage(world: &mut World) {
    world.want.plane = crate::plane::plane();
    world.with_tables().await;
    world
        .migrate(&[
            crate::plane::BOOK_CACHE,
            "CREATE VIEW all_items AS SELECT * FROM order_items",
            "CREATE PROCEDURE forget_items() SQL SECURITY DEFINER DELETE FROM order_items",
            "CREATE FUNCTION forget_one() RETURNS INT SQL SECURITY DEFINER MODIFIES SQL DATA BEGIN DELETE FROM order_items; RETURN 1; END",
        ])
        .await;
    world.converge().await;
    world
        .by_hand(&[
            "INSERT INTO orders.orders (note) VALUES ('a'), ('b')",
            "INSERT INTO orders.order_items (order_id) VALUES (1), (2)",
            "INSERT INTO orders.book_cache (book_id, title, version_number, source_service) VALUES (1, 'Emma', 1, 'catalog')",
            "CREATE DATABASE theirs",
            &format!("CREATE TABLE theirs.t AS SELECT '{CANARY}' AS secret"),
            "CREATE USER theirs@'%' IDENTIFIED BY 'theirs'",
            "CREATE ROLE their_role",
        ])
        .await;
}

/// The rows of all answers as text, or the first error.
async fn attempt(session: &mut dyn Connection, sql: &str) -> Result<String, String> {
    let mut told = String::new();
    for statement in sql.split("; ") {
        let rows = session
            .query(statement, &[])
            .await
            .map_err(|error| error.to_string())?;
        write!(told, "{rows:?}").unwrap();
    }
    Ok(told)
}

/// Everything that an attempt could have changed.
async fn state(watch: &mut Box<dyn Connection>, mysql: bool) -> Vec<String> {
    let accounts = if mysql {
        "SELECT * FROM mysql.user"
    } else {
        "SELECT * FROM mysql.global_priv"
    };
    let roles = if mysql {
        "SELECT * FROM mysql.role_edges"
    } else {
        "SELECT * FROM mysql.roles_mapping"
    };
    let mut all = vec![];
    for sql in [
        "CHECKSUM TABLE orders.orders, orders.order_items, orders.freehold_ledger, orders.freehold_outbox_slot, orders.book_cache, theirs.t",
        "SELECT table_schema, table_name, table_type FROM information_schema.tables WHERE table_schema IN ('orders', 'theirs', 'mysql') ORDER BY 1, 2",
        "SELECT table_name, index_name, column_name FROM information_schema.statistics WHERE table_schema = 'orders' ORDER BY 1, 2, 3",
        "SELECT routine_schema, routine_name, security_type, definer, routine_definition FROM information_schema.routines WHERE routine_schema <> 'sys' ORDER BY 1, 2",
        "SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema <> 'sys'",
        "SELECT event_name FROM information_schema.events",
        "SELECT view_definition FROM information_schema.views WHERE table_schema = 'orders' ORDER BY table_name",
        "SELECT schema_name, default_character_set_name FROM information_schema.schemata ORDER BY 1",
        "SHOW GLOBAL VARIABLES WHERE variable_name NOT LIKE 'gtid%' AND variable_name NOT LIKE '%timestamp%'",
        "SELECT * FROM mysql.db",
        "SELECT host, db, user, table_name, table_priv, column_priv FROM mysql.tables_priv",
        "SELECT host, db, user, table_name, column_name, column_priv FROM mysql.columns_priv",
        "SELECT host, db, user, routine_name, proc_priv FROM mysql.procs_priv",
        "SELECT host, user, proxied_host, proxied_user FROM mysql.proxies_priv",
        accounts,
        roles,
        "SELECT * FROM mysql.plugin",
        "SELECT * FROM mysql.servers",
        "SELECT * FROM mysql.func",
    ] {
        let rows = watch
            .query(sql, &[])
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
        all.extend(rows.iter().map(|row| format!("{row:?}")));
    }
    all
}

fn changes(before: &[String], after: &[String]) -> String {
    let (before, after): (BTreeSet<_>, BTreeSet<_>) =
        (before.iter().collect(), after.iter().collect());
    format!(
        "it changed {:?} to {:?}",
        before.difference(&after).collect::<Vec<_>>(),
        after.difference(&before).collect::<Vec<_>>()
    )
}

/// What a shared server lets every login do, with its effect on others; FH3122 and FH3127 tell it.
#[tokio::test]
async fn what_is_told_has_the_effect_that_is_told() {
    let Some(world) = World::new(Admin::Plain, &[("max-connections", "12")]).await else {
        return;
    };
    world.with_tables().await;
    let told: Vec<&str> = world
        .diff()
        .await
        .advisory
        .iter()
        .map(|fault| fault.code)
        .collect();
    assert!(
        told.contains(&"FH3122") && told.contains(&"FH3127"),
        "{told:?}"
    );

    let mut app = world.log_in("orders_app_1").await;
    let mut admin = world.as_admin().await;
    own_password(&world, &mut *app).await;
    lock_of_a_run(&world, &mut *app, &mut *admin).await;
    if !world.is_mysql() {
        prepared_transaction_of_another(&world, &mut *app).await;
    }
    connections(&world, &mut *admin).await;
}

async fn own_password(world: &World, app: &mut dyn Connection) {
    let chosen = freehold_engine::Secret::new("a password that the program chose itself");
    let verifier = Mysql.verifier(app.probe(), "orders_app_1", &chosen);
    let set = if world.is_mysql() {
        "ALTER USER USER() IDENTIFIED BY 'a password that the program chose itself'".to_owned()
    } else {
        format!("SET PASSWORD = '{}'", verifier.expose())
    };
    app.execute(&set).await.unwrap();
    world
        .try_log_in("orders_app_1", &chosen)
        .await
        .map(drop)
        .unwrap();
    world.issue("orders_app_1").await;
    assert!(
        world.try_log_in("orders_app_1", &chosen).await.is_err(),
        "a new one ends it"
    );
}

async fn lock_of_a_run(world: &World, app: &mut dyn Connection, admin: &mut dyn Connection) {
    assert!(app.try_lock(&world.want.mark()).await.unwrap());
    assert!(
        !admin.try_lock(&world.want.mark()).await.unwrap(),
        "it holds up a run, and changes nothing"
    );
    let id = app.session_id().await.unwrap();
    let holder = admin.peers(&world.want).await.unwrap();
    assert!(
        holder.iter().any(|peer| peer.id == id),
        "who it is can be seen: {holder:?}"
    );
    app.unlock(&world.want.mark()).await.unwrap();
    assert!(admin.try_lock(&world.want.mark()).await.unwrap());
    admin.unlock(&world.want.mark()).await.unwrap();
}

async fn prepared_transaction_of_another(world: &World, app: &mut dyn Connection) {
    world
        .by_hand(&["CREATE DATABASE theirs", "CREATE TABLE theirs.t (id INT)"])
        .await;
    world
        .by_hand(&[
            "XA START 'theirs'",
            "INSERT INTO theirs.t VALUES (1)",
            "XA END 'theirs'",
            "XA PREPARE 'theirs'",
        ])
        .await;
    let found = app.query("XA RECOVER", &[]).await.unwrap();
    assert!(found.iter().flatten().any(
        |value| matches!(value, Value::Text(text) if text == "theirs")
            || matches!(value, Value::Bytes(bytes) if bytes == b"theirs")
    ));
    let mut rolled_back = false;
    for _ in 0..100 {
        // It is free for others as soon as the session that prepared it is gone.
        rolled_back = rolled_back || app.execute("XA ROLLBACK 'theirs'").await.is_ok();
        if rolled_back {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("MariaDB refuses this now: take it out of FH3127");
}

async fn connections(world: &World, admin: &mut dyn Connection) {
    let password = world.issue("orders_app_1").await;
    let mut open = vec![];
    loop {
        match world.try_log_in("orders_app_1", &password).await {
            Ok(session) => open.push(session),
            Err(error) => {
                assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
                break;
            }
        }
    }
    assert!(open.len() > 5);
    // Who was in before, or has the one place kept for admins, can end the others.
    for peer in admin.peers(&world.want).await.unwrap() {
        admin.terminate(peer.id).await.unwrap();
    }
}

/// `_` is a wildcard in a right on a database, so that `shop_a` would reach `shopXa`.
#[tokio::test]
async fn a_name_with_an_underscore_reaches_no_other_database() {
    let Some(mut world) = World::new(Admin::Super, &[]).await else {
        return;
    };
    world.want.spot.database = "shop_a".to_owned();
    world
        .by_hand(&[
            "CREATE DATABASE shopXa",
            &format!("CREATE TABLE shopXa.t AS SELECT '{CANARY}' AS secret"),
        ])
        .await;
    world.converge().await;
    world
        .migrate(&["CREATE TABLE t (id INT PRIMARY KEY)"])
        .await;
    let migrator = Mysql.migrator(world.as_admin().await.probe(), &world.want);
    let issued = world.apply(&migrator.open).await;
    let mut owner = world
        .try_log_in("orders_owner", &issued[0].1)
        .await
        .unwrap();
    for sql in [
        "SELECT * FROM shopXa.t",
        "DROP TABLE shopXa.t",
        "CREATE TABLE shopXa.u (id INT)",
        "GRANT SELECT ON shop_a.t TO PUBLIC",
    ] {
        assert!(owner.execute(sql).await.is_err(), "{sql}");
    }
    owner.execute("SELECT * FROM shop_a.t").await.unwrap();
    world.apply(&migrator.close).await;
    world.converge().await;
    assert!(
        owner.execute("SELECT 1").await.is_err(),
        "the migrator's session is ended"
    );
    assert!(
        world
            .try_log_in("orders_owner", &issued[0].1)
            .await
            .is_err()
    );
    // An entry that somebody wrote without the backslash is seen and taken back.
    world
        .by_hand(&[
            "CREATE USER theirs@'%' ACCOUNT LOCK",
            "GRANT SELECT ON shop_a.* TO theirs@'%'",
        ])
        .await;
    let diff = world.converge().await;
    assert_eq!(
        diff.steps
            .iter()
            .map(|step| step.name.as_str())
            .collect::<Vec<_>>(),
        ["theirs@%"]
    );
}

#[tokio::test]
async fn a_dropped_store_ends_its_sessions() {
    let Some(world) = World::new(Admin::Plain, &[]).await else {
        return;
    };
    world.with_tables().await;
    let mut sessions = vec![];
    for login in ["orders_app_1", "orders_sidecar", "orders_backup"] {
        sessions.push(world.log_in(login).await);
    }
    world.drop_store(Keep::default()).await;
    for session in &mut sessions {
        assert!(session.execute("SELECT 1").await.is_err());
    }
}

#[tokio::test]
async fn anonymous_accounts_are_told_and_dropped_when_asked() {
    let Some(mut world) = World::new(Admin::Super, &[]).await else {
        return;
    };
    world
        .by_hand(&["CREATE USER ''@'127.0.0.1' IDENTIFIED BY 'x'"])
        .await;
    let diff = world.converge().await;
    assert!(diff.advisory.iter().any(|fault| fault.code == "FH3126"));
    world.want.server_wide = true;
    let diff = world.converge().await;
    assert_eq!(
        diff.steps
            .iter()
            .map(|step| step.note.as_str())
            .collect::<Vec<_>>(),
        ["anybody could log in without a name"]
    );
    assert!(
        !world
            .diff()
            .await
            .advisory
            .iter()
            .any(|fault| fault.code == "FH3126")
    );
}
