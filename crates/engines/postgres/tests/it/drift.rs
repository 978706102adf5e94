//! What others change by hand: each change is seen; what the administrator may undo is undone by
//! `apply`, and for the rest the statement that is shown to a superuser undoes it.

use std::collections::BTreeSet;

use freehold_engine::{Keep, Subject};
use freehold_model::{Fault, Isolation};

use crate::scratch::{ADMINS, Admin, server};
use crate::store::Store;

/// Changes by a superuser; `§` begins the store's role names, `@` is the store's database.
const CHANGES: &[&str] = &[
    "GRANT CONNECT ON DATABASE @ TO PUBLIC",
    "GRANT CONNECT ON DATABASE @ TO somebody",
    "GRANT TEMPORARY ON DATABASE @ TO §app",
    "REVOKE CONNECT ON DATABASE @ FROM §app",
    "GRANT USAGE ON SCHEMA public TO PUBLIC",
    "GRANT CREATE ON SCHEMA public TO §app",
    "GRANT SELECT ON orders TO somebody WITH GRANT OPTION",
    "GRANT USAGE ON SCHEMA public TO somebody; GRANT SELECT ON orders TO somebody WITH GRANT OPTION; SET ROLE somebody; GRANT SELECT ON orders TO reader; RESET ROLE",
    "GRANT UPDATE ON order_items TO §app",
    "GRANT UPDATE (quantity) ON order_items TO §app",
    "GRANT INSERT ON order_items TO §app",
    "GRANT TRUNCATE, REFERENCES, TRIGGER ON orders TO §app_1",
    "GRANT ALL ON ALL TABLES IN SCHEMA public TO PUBLIC",
    "GRANT SELECT (words) ON notes TO reader",
    "REVOKE SELECT ON orders FROM §app",
    "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM §backup",
    "GRANT UPDATE ON SEQUENCE notes_id_seq TO §app",
    "GRANT EXECUTE ON FUNCTION twice(int) TO PUBLIC",
    "GRANT USAGE ON TYPE mood TO somebody",
    "GRANT §owner TO §app_1",
    "GRANT §app TO somebody",
    "GRANT §app_1 TO somebody WITH ADMIN OPTION",
    "GRANT pg_read_all_data TO §app",
    // From 16 on only with the grantor's name, which is the administrator's or the superuser's.
    "DO $$ BEGIN REVOKE §app FROM §app_1; REVOKE §app FROM §app_1 GRANTED BY plain_admin; EXCEPTION WHEN others THEN REVOKE §app FROM §app_1; END $$",
    "ALTER ROLE §app_1 SUPERUSER",
    "ALTER ROLE §app_1 CREATEDB CREATEROLE",
    "ALTER ROLE §sidecar REPLICATION",
    "ALTER ROLE §backup BYPASSRLS",
    "ALTER ROLE §owner LOGIN",
    "ALTER ROLE §app_2 NOLOGIN NOINHERIT",
    "ALTER ROLE §issuer NOCREATEROLE",
    "ALTER ROLE §app_1 SET search_path = evil, public",
    "ALTER ROLE §app_1 IN DATABASE @ SET work_mem = '1GB'",
    "ALTER ROLE §app_1 SET log_statement = 'none'",
    "ALTER DEFAULT PRIVILEGES FOR ROLE §owner GRANT ALL ON TABLES TO PUBLIC",
    "ALTER DEFAULT PRIVILEGES FOR ROLE §owner IN SCHEMA public GRANT UPDATE ON TABLES TO §app",
    "ALTER DEFAULT PRIVILEGES FOR ROLE §owner GRANT EXECUTE ON FUNCTIONS TO PUBLIC",
    "GRANT EXECUTE ON FUNCTION freehold_issue(text, text) TO PUBLIC",
    "GRANT EXECUTE ON FUNCTION freehold_issue(text, text) TO §app",
    "ALTER FUNCTION freehold_issue(text, text) RESET search_path",
    "ALTER FUNCTION freehold_issue(text, text) SECURITY INVOKER",
    "ALTER FUNCTION freehold_issue(text, text) OWNER TO §owner",
    "DROP FUNCTION freehold_issue(text, text)",
    "COMMENT ON DATABASE @ IS NULL",
    "DROP OWNED BY §app_2; DROP ROLE §app_2",
    "ALTER TABLE notes OWNER TO somebody",
    "ALTER FUNCTION twice(int) OWNER TO somebody",
];

#[tokio::test(flavor = "multi_thread")]
async fn every_change_by_hand_is_seen_and_undone() {
    let Some(server) = server().await else { return };
    for (admin, name) in ADMINS.into_iter().zip(["drift_s", "drift_p"]) {
        let store = Store::new(&server, admin, Isolation::Database, name);
        store.apply().await;
        store
            .migrate(&format!(
                "{}; CREATE TYPE mood AS ENUM ('fine')",
                store.tables()
            ))
            .await
            .expect("a migration");
        let usual = advisories(&store).await;
        for change in CHANGES {
            one(&store, admin, change, &usual).await;
        }
        store.destroy(Keep::default()).await;
    }
}

async fn one(store: &Store, admin: Admin, change: &str, usual: &BTreeSet<String>) {
    let sql = change
        .replace('§', &format!("{}_", store.want.service))
        .replace('@', &store.want.service);
    store
        .root()
        .await
        .execute(&sql)
        .await
        .expect("a change by hand");
    let diff = store.diff().await;
    let shown = told(&diff.advisory);
    assert!(
        !diff.steps.is_empty() || shown != *usual,
        "{admin:?}: not seen: {sql}"
    );
    store.apply().await;
    let left = store.diff().await.advisory;
    let new: Vec<&Fault> = left
        .iter()
        .filter(|fault| !told(std::slice::from_ref(fault)).is_subset(usual))
        .collect();
    assert!(
        admin == Admin::Plain || new.is_empty() || sql.contains("OWNER TO somebody"),
        "a superuser could not undo {sql}: {new:#?}"
    );
    for fault in new {
        assert!(["FH3105", "FH3113"].contains(&fault.code), "{fault}");
        let statement = fault.help[0]
            .strip_prefix("as a superuser: ")
            .expect("a statement to run");
        store
            .root()
            .await
            .execute(statement)
            .await
            .expect("the statement that was shown");
    }
    store.apply().await;
    assert_eq!(
        advisories(store).await,
        *usual,
        "{admin:?}: not undone: {sql}"
    );
}

async fn advisories(store: &Store) -> BTreeSet<String> {
    told(&store.diff().await.advisory)
}

/// Without the one that counts the server's databases: tests beside this one make and drop some.
fn told(advisory: &[Fault]) -> BTreeSet<String> {
    let all = advisory.iter().map(ToString::to_string);
    all.filter(|fault| !fault.contains("since PUBLIC may"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_prune_nothing_is_taken_away() {
    let Some(server) = server().await else { return };
    let mut store = Store::new(&server, Admin::Plain, Isolation::Database, "unpruned");
    store.apply().await;
    store.migrate(&store.tables()).await.expect("a migration");
    store.want.prune = false;
    let mut root = store.root().await;
    root.execute("GRANT SELECT ON orders TO somebody; REVOKE SELECT ON notes FROM unpruned_app")
        .await
        .expect("by hand");
    let steps = store.apply().await;
    assert!(
        steps
            .iter()
            .all(|step| step.subject == Subject::Grant && step.name == "unpruned_app"),
        "{steps:#?}"
    );
    let left = store.diff().await.advisory;
    assert!(
        left.iter()
            .any(|fault| fault.code == "FH3116" && fault.message.contains("somebody")),
        "{left:#?}"
    );
    drop(root);
    store.want.prune = true;
    store.apply().await;
    store.destroy(Keep::default()).await;
}
