//! What each identity tries against its own store, its neighbours and the server. Not the error
//! counts but the effect: a refused attempt changes nothing and shows nothing.

use std::collections::BTreeSet;

use freehold_engine::{Connection, Engine as _, Keep, Value};
use freehold_model::Isolation;
use freehold_postgres::Postgres;

use crate::scratch::{Admin, server};
use crate::store::{Store, list};

/// How an attempt has to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// No effect, no row.
    Refused,
    /// It has an effect that lasts no longer than the session, or a limit of the server bounds it.
    Bounded,
    /// It can be done; the plan says so with this code.
    Advisory(&'static str),
    /// It can be done, and the next `apply` takes it back.
    Drift,
}
use Outcome::{Advisory, Bounded, Drift, Refused};

/// For the program, the sidecar and the backup; statements run one by one, errors and all.
/// `§` begins the store's role names.
const ATTEMPTS: &[(&str, Outcome)] = &[
    // The append-only table.
    ("UPDATE order_items SET quantity = 99", Refused),
    (
        "UPDATE order_items SET quantity = 99 WHERE order_item_id = 1",
        Refused,
    ),
    ("DELETE FROM order_items", Refused),
    ("TRUNCATE order_items", Refused),
    ("TRUNCATE orders CASCADE", Refused),
    (
        "MERGE INTO order_items USING (SELECT 1 AS id) s ON order_item_id = s.id WHEN MATCHED THEN UPDATE SET quantity = 99",
        Refused,
    ),
    (
        "MERGE INTO order_items USING (SELECT 1 AS id) s ON order_item_id = s.id WHEN MATCHED THEN DELETE",
        Refused,
    ),
    ("EXPLAIN ANALYZE DELETE FROM order_items", Refused),
    (
        "WITH gone AS (DELETE FROM order_items RETURNING *) SELECT * FROM gone",
        Refused,
    ),
    (
        "INSERT INTO order_items (order_item_id, order_id, quantity) VALUES (1000, 1, 1)",
        Refused,
    ),
    (
        "INSERT INTO order_items (order_item_id, order_id, quantity) OVERRIDING SYSTEM VALUE VALUES (1000, 1, 1)",
        Refused,
    ),
    (
        "INSERT INTO order_items (order_item_id, order_id, quantity) VALUES (1, 1, 99) ON CONFLICT (order_item_id) DO UPDATE SET quantity = 99",
        Refused,
    ),
    (
        "COPY order_items (order_item_id, order_id, quantity) FROM STDIN",
        Refused,
    ),
    (
        "SELECT setval('order_items_order_item_id_seq', 1000)",
        Refused,
    ),
    ("SELECT setval('notes_id_seq', 1000)", Refused),
    ("ALTER SEQUENCE notes_id_seq RESTART WITH 1000", Refused),
    // Definitions.
    ("CREATE TEMP TABLE t (a int)", Refused),
    ("CREATE TABLE public.t (a int)", Refused),
    ("CREATE SCHEMA evil", Refused),
    ("CREATE INDEX evil ON orders (status)", Refused),
    (
        "CREATE FUNCTION public.evil() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        Refused,
    ),
    (
        "CREATE FUNCTION pg_temp.evil() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        Refused,
    ),
    (
        "CREATE TRIGGER evil BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        Refused,
    ),
    (
        "CREATE RULE evil AS ON INSERT TO orders DO INSTEAD NOTHING",
        Refused,
    ),
    ("CREATE VIEW public.evil AS SELECT 1", Refused),
    ("CREATE EXTENSION pg_trgm", Refused),
    ("CREATE EXTENSION dblink", Refused),
    ("CREATE EXTENSION file_fdw", Refused),
    ("CREATE FOREIGN DATA WRAPPER evil", Refused),
    ("CREATE PUBLICATION evil FOR ALL TABLES", Refused),
    (
        "CREATE SUBSCRIPTION evil CONNECTION 'dbname=postgres' PUBLICATION p WITH (connect = false)",
        Refused,
    ),
    (
        "CREATE EVENT TRIGGER evil ON ddl_command_end EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        Refused,
    ),
    ("CREATE DATABASE evil", Refused),
    ("DROP TABLE notes", Refused),
    ("DROP FUNCTION freehold_issue(text, text)", Refused),
    ("DROP DATABASE postgres", Refused),
    ("ALTER TABLE orders DISABLE TRIGGER ALL", Refused),
    ("ALTER TABLE orders ADD COLUMN evil int", Refused),
    ("ALTER TABLE order_items OWNER TO CURRENT_USER", Refused),
    (
        "ALTER TABLE order_items DISABLE ROW LEVEL SECURITY",
        Refused,
    ),
    ("COMMENT ON TABLE orders IS 'evil'", Refused),
    (
        "BEGIN; LOCK TABLE order_items IN SHARE ROW EXCLUSIVE MODE",
        Refused,
    ),
    // Rights.
    ("GRANT ALL ON order_items TO CURRENT_USER", Refused),
    ("GRANT SELECT ON orders TO PUBLIC", Refused),
    ("REVOKE ALL ON orders FROM §backup", Refused),
    ("SET ROLE §owner", Refused),
    ("SELECT set_config('role', '§owner', false)", Refused),
    ("SET ROLE §issuer", Refused),
    ("SET SESSION AUTHORIZATION §owner", Refused),
    ("SET SESSION AUTHORIZATION plain_admin", Refused),
    ("CREATE ROLE evil LOGIN SUPERUSER", Refused),
    ("GRANT §owner TO CURRENT_USER", Refused),
    ("GRANT pg_read_all_data TO CURRENT_USER", Refused),
    ("ALTER ROLE CURRENT_USER SUPERUSER", Refused),
    ("ALTER ROLE CURRENT_USER CREATEROLE", Refused),
    ("ALTER ROLE CURRENT_USER VALID UNTIL 'infinity'", Refused),
    ("ALTER ROLE CURRENT_USER CONNECTION LIMIT -1", Refused),
    ("ALTER ROLE §owner PASSWORD 'x'", Refused),
    ("ALTER ROLE plain_admin PASSWORD 'x'", Refused),
    ("ALTER DATABASE @ CONNECTION LIMIT 1", Refused),
    ("ALTER DATABASE @ SET search_path = evil", Refused),
    ("ALTER ROLE ALL SET search_path = evil", Refused),
    (
        "ALTER DEFAULT PRIVILEGES FOR ROLE §owner GRANT ALL ON TABLES TO PUBLIC",
        Refused,
    ),
    ("REASSIGN OWNED BY §owner TO CURRENT_USER", Refused),
    ("DROP OWNED BY §owner", Refused),
    ("SELECT freehold_issue('plain_admin', NULL)", Refused),
    (
        "SELECT freehold_issue('§owner', 'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=')",
        Refused,
    ),
    ("SELECT freehold_issue('§app_1', 'plain text')", Refused),
    (
        "SELECT freehold_issue('§app_1', 'SCRAM-SHA-256$4096:x'' SUPERUSER --')",
        Refused,
    ),
    // The server.
    ("SELECT rolpassword FROM pg_authid", Refused),
    ("SELECT passwd FROM pg_shadow", Refused),
    ("SELECT pg_read_file('PG_VERSION')", Refused),
    ("SELECT pg_read_binary_file('PG_VERSION')", Refused),
    ("SELECT pg_ls_dir('.')", Refused),
    ("SELECT * FROM pg_hba_file_rules", Refused),
    ("SELECT pg_stat_file('PG_VERSION')", Refused),
    ("COPY orders TO '/tmp/fh-evil.csv'", Refused),
    ("COPY orders TO PROGRAM 'touch /tmp/fh-evil'", Refused),
    ("COPY notes FROM PROGRAM 'echo 1'", Refused),
    ("COPY (SELECT 1) TO PROGRAM 'touch /tmp/fh-evil'", Refused),
    ("SELECT lo_import('/etc/passwd')", Refused),
    (
        "SELECT pg_create_logical_replication_slot('evil', 'pgoutput')",
        Refused,
    ),
    (
        "SELECT pg_create_physical_replication_slot('evil')",
        Refused,
    ),
    (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename <> current_user AND backend_type = 'client backend'",
        Refused,
    ),
    (
        "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE usename <> current_user AND backend_type = 'client backend'",
        Refused,
    ),
    ("SET session_replication_role = replica", Refused),
    ("SET log_statement = 'none'", Refused),
    ("SET temp_file_limit = -1", Refused),
    ("ALTER SYSTEM SET work_mem = '1GB'", Refused),
    ("SELECT pg_reload_conf()", Refused),
    ("SELECT pg_rotate_logfile()", Refused),
    ("SELECT pg_switch_wal()", Refused),
    ("SELECT pg_create_restore_point('evil')", Refused),
    ("CHECKPOINT", Refused),
    ("VACUUM FULL orders", Refused),
    ("CLUSTER orders USING orders_pkey", Refused),
    ("REINDEX TABLE orders", Refused),
    ("LOAD 'dblink'", Refused),
    // What PostgreSQL has no right for.
    ("SELECT lo_create(4242)", Advisory("FH3106")),
    (
        "SELECT pg_logical_emit_message(false, 'evil', repeat('x', 1000))",
        Advisory("FH3106"),
    ),
    ("NOTIFY evil, 'x'", Advisory("FH3106")),
    ("SELECT pg_advisory_lock(4242)", Advisory("FH3106")),
    ("SET work_mem = '1GB'", Bounded),
    ("SET statement_timeout = 0", Bounded),
    (
        "ALTER ROLE CURRENT_USER PASSWORD 'changed by itself'",
        Advisory("FH3106"),
    ),
    ("ALTER ROLE CURRENT_USER SET search_path = evil", Drift),
    (
        "ALTER ROLE CURRENT_USER IN DATABASE @ SET work_mem = '1GB'",
        Drift,
    ),
];

/// What only one of them must fail, the others being meant to do it.
const NOT_THE_SIDECAR: &[&str] = &[
    "SELECT * FROM orders",
    "SELECT * FROM order_items",
    "SELECT * FROM big_orders",
    "INSERT INTO orders (status) VALUES ('evil')",
    "INSERT INTO order_items (order_id, quantity) VALUES (1, 1)",
    "UPDATE freehold_ledger SET state = 'evil'",
    "DELETE FROM freehold_ledger",
    "SELECT nextval('notes_id_seq')",
    "SELECT twice(2)",
];
const NOT_THE_BACKUP: &[&str] = &[
    "INSERT INTO orders (status) VALUES ('evil')",
    "UPDATE orders SET status = 'evil'",
    "DELETE FROM notes",
    "INSERT INTO order_items (order_id, quantity) VALUES (1, 1)",
    "UPDATE freehold_ledger SET state = 'evil'",
    "SELECT nextval('notes_id_seq')",
    "SELECT freehold_issue('§app_1', NULL)",
    "SELECT freehold_issue('§backup', NULL)",
];
const NOT_THE_APP: &[&str] = &[
    "SELECT * FROM freehold_ledger",
    "INSERT INTO freehold_ledger VALUES ('migration', 'evil', '', NULL, '', 0, 0, '')",
    "DELETE FROM freehold_ledger",
    "SELECT freehold_issue('§app_1', NULL)",
    "SELECT freehold_issue('§sidecar', NULL)",
];

/// Everything that a refused attempt must not change, as a superuser sees it.
const STATE: &str = "
SELECT fact FROM (
  SELECT 'order ' || o::text FROM orders o UNION ALL SELECT 'item ' || i::text FROM order_items i UNION ALL SELECT 'note ' || n::text FROM notes n
  UNION ALL SELECT 'ledger ' || l::text FROM freehold_ledger l
  UNION ALL SELECT 'sequence ' || sequencename || ' ' || coalesce(last_value, 0) FROM pg_sequences
  UNION ALL SELECT 'class ' || relname || relkind::text || relowner || coalesce(relacl::text, '') || relrowsecurity FROM pg_class WHERE relnamespace = 'public'::regnamespace
  UNION ALL SELECT 'column ' || attrelid || attname || coalesce(attacl::text, '') FROM pg_attribute WHERE attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)
  UNION ALL SELECT 'function ' || p::text FROM pg_proc p WHERE pronamespace = 'public'::regnamespace
  UNION ALL SELECT 'schema ' || nspname || nspowner || coalesce(nspacl::text, '') FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp'
  UNION ALL SELECT 'trigger ' || tgname || tgenabled::text FROM pg_trigger UNION ALL SELECT 'rule ' || rulename FROM pg_rewrite WHERE oid >= 16384
  UNION ALL SELECT 'comment ' || d::text FROM pg_description d WHERE objoid >= 16384
  UNION ALL SELECT 'default ' || d::text FROM pg_default_acl d UNION ALL SELECT 'extension ' || extname FROM pg_extension
  UNION ALL SELECT 'wrapper ' || fdwname FROM pg_foreign_data_wrapper UNION ALL SELECT 'publication ' || pubname FROM pg_publication
  UNION ALL SELECT 'subscription ' || subname FROM pg_subscription UNION ALL SELECT 'slot ' || slot_name FROM pg_replication_slots
  UNION ALL SELECT 'language ' || lanname FROM pg_language UNION ALL SELECT 'event ' || evtname FROM pg_event_trigger
  UNION ALL SELECT 'object ' || oid FROM pg_largeobject_metadata
  UNION ALL SELECT 'role ' || a::text FROM pg_authid a WHERE rolname ~ '^(§|evil|plain_admin|pg_)'
  UNION ALL SELECT 'member ' || m::text FROM pg_auth_members m WHERE member IN (SELECT oid FROM pg_authid WHERE rolname ~ '^§')
  UNION ALL SELECT 'setting ' || s::text FROM pg_db_role_setting s WHERE setrole = 0 OR setrole IN (SELECT oid FROM pg_authid WHERE rolname ~ '^§')
  UNION ALL SELECT 'database ' || datname || coalesce(datacl::text, '') || datconnlimit FROM pg_database WHERE datname IN ('@', 'postgres', 'evil', '§evil')
  UNION ALL SELECT 'system ' || name || setting FROM pg_file_settings WHERE sourcefile ~ 'auto.conf$'
  UNION ALL SELECT 'held ' || mode || relation FROM pg_locks WHERE locktype = 'relation' AND mode IN ('ShareRowExclusiveLock', 'AccessExclusiveLock') AND pid IN (SELECT pid FROM pg_stat_activity WHERE usename ~ '^§')
  UNION ALL SELECT 'file ' || f FROM pg_ls_dir('/tmp') f WHERE f ~ '^fh-evil'
) AS facts (fact)";

struct Attack<'a> {
    store: &'a Store,
    watcher: Box<dyn Connection>,
}

impl Attack<'_> {
    fn text(&self, sql: &str) -> String {
        sql.replace('§', &format!("{}_", self.store.want.service))
            .replace('@', &self.store.want.service)
    }

    async fn state(&mut self) -> BTreeSet<String> {
        let sql = self.text(STATE);
        list(&mut *self.watcher, &sql).await.into_iter().collect()
    }

    /// Sends it, and tells what came of it: rows, changes, another role. Errors are not looked at:
    /// a statement may fail and have done its work, or the other way.
    async fn effect(&mut self, as_whom: &mut dyn Connection, sql: &str) -> BTreeSet<String> {
        let before = self.state().await;
        let mut effect = BTreeSet::new();
        // Both ways of sending, since some statements cannot be prepared.
        match as_whom.query(sql, &[]).await {
            Ok(rows) => {
                let says =
                    |value: &Value| !matches!(value, Value::Null) && value.truth() != Some(false);
                effect.extend(
                    rows.iter()
                        .flatten()
                        .filter(|value| says(value))
                        .map(|value| format!("row {value:?}")),
                );
            }
            Err(_) if as_whom.broken() => {}
            Err(_) => {
                let _ = as_whom.execute(sql).await;
            }
        }
        if as_whom.broken() {
            // COPY FROM STDIN that is let in leaves the driver waiting.
            effect.insert("the session is gone".to_owned());
            return effect;
        }
        // The server answers before it has cleaned up behind an error: one more turn waits for that.
        let _ = as_whom.execute("SELECT 1").await;
        let after = self.state().await;
        effect.extend(before.symmetric_difference(&after).cloned());
        let _ = as_whom.execute("ROLLBACK").await;
        let user = list(as_whom, "SELECT current_user || ' ' || session_user").await;
        let login = &as_whom.probe().user;
        effect.extend(
            user.into_iter()
                .filter(|user| *user != format!("{login} {login}")),
        );
        effect
    }

    async fn attempt(&mut self, as_whom: &mut dyn Connection, sql: &str, outcome: Outcome) {
        let sql = self.text(sql);
        let login = as_whom.probe().user.clone();
        let before = self.state().await;
        let effect = self.effect(as_whom, &sql).await;
        match outcome {
            Refused => assert_eq!(effect, BTreeSet::new(), "{login} did: {sql}"),
            Bounded => {
                as_whom
                    .execute("DISCARD ALL")
                    .await
                    .expect("a session made new");
                assert_eq!(
                    before,
                    self.state().await,
                    "{login}: {sql} outlives the session"
                );
            }
            Advisory(code) => {
                let said = self.store.diff().await.advisory;
                assert!(
                    said.iter().any(|fault| fault.code == code),
                    "{login}: {sql} is possible, and no {code} says so"
                );
            }
            Drift => {
                let steps = self.store.apply().await;
                assert!(
                    steps.iter().any(|step| step.name == login),
                    "{login}: {sql} went unseen"
                );
                assert_eq!(
                    before,
                    self.state().await,
                    "{login}: {sql} was not taken back"
                );
            }
        }
        let _ = as_whom.execute("DISCARD ALL").await;
    }
}

/// What a hole would look like: with the first statement run by a superuser, the attempt has an
/// effect, and the test above would say so.
const HOLES: &[(&str, &str)] = &[
    (
        "GRANT UPDATE ON order_items TO §app",
        "UPDATE order_items SET quantity = quantity + 1",
    ),
    (
        "GRANT UPDATE (quantity) ON order_items TO §app",
        "UPDATE order_items SET quantity = 99",
    ),
    (
        "GRANT INSERT ON order_items TO §app",
        "INSERT INTO order_items (order_item_id, order_id, quantity) OVERRIDING SYSTEM VALUE VALUES (1000, 1, 1)",
    ),
    (
        "GRANT TRUNCATE ON order_items TO §app",
        "BEGIN; LOCK TABLE order_items IN SHARE ROW EXCLUSIVE MODE",
    ),
    (
        "GRANT UPDATE ON SEQUENCE notes_id_seq TO §app",
        "SELECT setval('notes_id_seq', 1000)",
    ),
    (
        "GRANT INSERT ON order_items TO §app",
        "COPY order_items (order_item_id, order_id, quantity) FROM STDIN",
    ),
    ("GRANT §owner TO §app_1", "SET ROLE §owner"),
    (
        "GRANT §owner TO §app_1",
        "COMMENT ON TABLE orders IS 'evil'",
    ),
    (
        "GRANT CREATE ON SCHEMA public TO §app",
        "CREATE VIEW public.evil AS SELECT 1",
    ),
    (
        "GRANT EXECUTE ON FUNCTION freehold_issue(text, text) TO §app",
        "SELECT freehold_issue('§sidecar', NULL)",
    ),
    (
        "GRANT SELECT ON freehold_ledger TO §app",
        "SELECT * FROM freehold_ledger",
    ),
    ("ALTER ROLE §app_1 CREATEDB", "CREATE DATABASE holed_evil"),
    (
        "ALTER ROLE §app_1 SUPERUSER",
        "SELECT rolpassword FROM pg_authid",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_hole_would_be_noticed() {
    let Some(server) = server().await else { return };
    let store = Store::new(&server, Admin::Superuser, Isolation::Database, "holed");
    let mut attack = attack(&store).await;
    let at = store
        .password_of(&store.want.identities.app.logins[0])
        .await;
    for (hole, attempt) in HOLES {
        let (hole, attempt) = (attack.text(hole), attack.text(attempt));
        store.root().await.execute(&hole).await.expect("a hole");
        let mut session = Postgres.connect(&at).await.expect("the program");
        let effect = attack.effect(&mut *session, &attempt).await;
        assert!(
            !effect.is_empty(),
            "{attempt} had no effect although: {hole}"
        );
        drop(session);
        store.apply().await;
    }
    store
        .root()
        .await
        .execute("DROP DATABASE holed_evil")
        .await
        .expect("its database");
    drop(attack);
    store.destroy(Keep::default()).await;
}

/// The store with its tables, and rows in them.
async fn attack(store: &Store) -> Attack<'_> {
    store.apply().await;
    store.migrate(&store.tables()).await.expect("a migration");
    let mut watcher = store.root().await;
    let rows = "INSERT INTO orders (status) VALUES ('new'); INSERT INTO order_items (order_id, quantity) VALUES (1, 1), (1, 2); INSERT INTO notes (words) VALUES ('a');
                INSERT INTO freehold_ledger VALUES ('migration', '0001', 'x', NULL, 'done', 1, 1, '')";
    watcher.execute(rows).await.expect("rows to lose");
    Attack { store, watcher }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_identity_does_what_it_is_not_for() {
    let Some(server) = server().await else { return };
    let store = Store::new(&server, Admin::Plain, Isolation::Database, "attacked");
    let mut attack = attack(&store).await;
    let names = store.want.identities.clone();
    let own = [
        (&names.app.logins[0], NOT_THE_APP),
        (&names.sidecar, NOT_THE_SIDECAR),
        (&names.backup, NOT_THE_BACKUP),
    ];
    for (login, more) in own {
        let mut session = store.enter(login).await;
        for sql in more {
            attack.attempt(&mut *session, sql, Refused).await;
        }
        for (sql, outcome) in ATTEMPTS {
            attack.attempt(&mut *session, sql, *outcome).await;
        }
    }
    drop(attack);
    store.destroy(Keep::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_identity_enters_its_neighbours_store() {
    let Some(server) = server().await else { return };
    let shared = || server.admin(Admin::Plain).with_database("shared");
    let stores = [
        Store::new(&server, Admin::Plain, Isolation::Database, "north"),
        Store::new(&server, Admin::Plain, Isolation::Database, "south"),
        Store::at(&server, shared(), Isolation::Schema, "east"),
        Store::at(&server, shared(), Isolation::Schema, "west"),
        Store::at(&server, shared(), Isolation::Tables, "upper"),
        Store::at(&server, shared(), Isolation::Tables, "lower"),
    ];
    for store in &stores {
        store.apply().await;
        store.migrate(&store.tables()).await.expect("a migration");
    }
    for here in &stores {
        for login in here.want.logins() {
            let own = here.password_of(login).await;
            for there in stores
                .iter()
                .filter(|there| there.want.service != here.want.service)
            {
                let at = Postgres.at_store(&own, &there.want.spot);
                // A database of its own lets nobody in; a shared one shows nothing of others.
                let Ok(mut session) = Postgres.connect(&at).await else {
                    continue;
                };
                assert_eq!(
                    there.want.spot.database, "shared",
                    "{login} entered {}",
                    there.want.service
                );
                let (schema, prefix) = (&there.want.spot.schema, &there.want.spot.prefix);
                for table in ["orders", "order_items", "freehold_ledger", "big_orders"] {
                    let read = format!("SELECT 1 FROM {schema}.{prefix}{table}");
                    assert!(session.execute(&read).await.is_err(), "{login}: {read}");
                    let write = format!("DELETE FROM {schema}.{prefix}{table}");
                    assert!(session.execute(&write).await.is_err(), "{login}: {write}");
                }
                let call = format!(
                    "SELECT {schema}.{prefix}freehold_issue('{}', NULL)",
                    there.want.identities.sidecar
                );
                assert!(session.execute(&call).await.is_err(), "{login}: {call}");
                let make = format!("CREATE TABLE {schema}.{prefix}evil (a int)");
                assert!(session.execute(&make).await.is_err(), "{login}: {make}");
            }
        }
    }
    for store in &stores {
        store.destroy(Keep::default()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_taken_away_or_expired_lets_nobody_in() {
    let Some(server) = server().await else { return };
    let store = Store::new(&server, Admin::Plain, Isolation::Database, "revoked");
    store.apply().await;
    let login = &store.want.identities.app.logins[0];
    let at = store.password_of(login).await;
    let mut session = Postgres
        .connect(&at)
        .await
        .expect("a login with a password");
    let mut admin = store.inside().await.expect("the store");
    admin
        .issue(&store.want, login, None)
        .await
        .expect("taken away");
    assert!(
        Postgres.connect(&at).await.is_err(),
        "a login without a password"
    );
    let at = store.password_of(login).await;
    store
        .root()
        .await
        .execute(&format!("ALTER ROLE {login} VALID UNTIL 'yesterday'"))
        .await
        .expect("expired");
    assert!(Postgres.connect(&at).await.is_err(), "an expired login");
    // The session that was open goes with the store.
    session
        .execute("SELECT 1")
        .await
        .expect("an open session goes on");
    drop(admin);
    store.destroy(Keep::default()).await;
    assert!(
        session.execute("SELECT 1").await.is_err(),
        "a session of a login that is gone"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_migrator_is_gone_and_its_password_with_it() {
    let Some(server) = server().await else { return };
    let store = Store::new(&server, Admin::Plain, Isolation::Database, "migrated");
    store.apply().await;
    store.migrate("SET ROLE NONE; CREATE TABLE stray (a int); CREATE FUNCTION stray() RETURNS int LANGUAGE sql AS 'SELECT 1'").await.expect("a migration in its own name");
    let mut root = store.root().await;
    let owners = list(
        &mut *root,
        "SELECT tableowner FROM pg_tables WHERE tablename = 'stray'",
    )
    .await;
    assert_eq!(owners, [store.want.identities.owner.as_str()]);
    assert_eq!(
        list(
            &mut *root,
            "SELECT rolname FROM pg_roles WHERE rolname = 'migrated_migrator'"
        )
        .await,
        [""; 0]
    );
    assert_eq!(store.diff().await.steps, []);
    drop(root);
    store.destroy(Keep::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_connections_where_tls_is_required_are_told_of() {
    let Some(server) = server().await else { return };
    let mut store = Store::new(&server, Admin::Plain, Isolation::Database, "untold");
    store.want.require_tls = true;
    let said = store.diff().await.advisory;
    assert!(said.iter().any(|fault| fault.code == "FH3110"), "{said:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_password_is_in_the_servers_log() {
    let Some(server) = server().await else { return };
    let store = Store::new(&server, Admin::Plain, Isolation::Database, "logged");
    store.apply().await;
    store.migrate(&store.tables()).await.expect("a migration");
    let at = store.password_of(&store.want.identities.sidecar).await;
    let mut session = Postgres
        .connect(&at)
        .await
        .expect("a login with a password");
    session
        .execute("SELECT 'this line is in the log'")
        .await
        .expect("a statement");
    let log = std::fs::read_to_string(&server.log).expect("the server's log");
    assert!(log.contains("this line is in the log"));
    assert!(!log.contains(at.password.expect("a password").expose()));
    assert!(!log.contains(crate::scratch::CANARY) && !log.contains("c'a\\n$a"));
    drop(session);
    store.destroy(Keep::default()).await;
}
