//! From nothing to a store in use, and back to nothing, at each isolation level and by each
//! administrator.

use freehold_engine::{Keep, Value};
use freehold_model::Isolation;

use crate::scratch::{ADMINS, server};
use crate::store::{Store, list};

/// Everything on the server that this store could leave behind.
async fn traces(store: &Store) -> Vec<String> {
    let name = &store.want.service;
    let sql = format!(
        "SELECT trace FROM (SELECT 'role ' || rolname FROM pg_roles UNION ALL SELECT 'database ' || datname FROM pg_database
         UNION ALL SELECT 'schema ' || nspname FROM pg_namespace
         UNION ALL SELECT 'acl ' || datname || datacl::text FROM pg_database
         UNION ALL SELECT 'schema acl ' || nspname || nspacl::text FROM pg_namespace
         UNION ALL SELECT 'object ' || oid::regclass FROM pg_class UNION ALL SELECT 'routine ' || proname FROM pg_proc
         UNION ALL SELECT 'default ' || defaclacl::text FROM pg_default_acl
         UNION ALL SELECT 'setting ' || setrole::regrole FROM pg_db_role_setting) AS t (trace) WHERE trace LIKE '%{name}%'"
    );
    list(&mut *store.outside().await, &sql).await
}

async fn life(store: &Store) {
    assert_eq!(traces(store).await, [""; 0]);
    assert!(!store.apply().await.is_empty());
    store.migrate(&store.tables()).await.expect("a migration");
    let left = store.diff().await;
    assert_eq!(left.steps, [], "after a migration nothing is left to do");
    in_use(store).await;
    let again = store.diff().await;
    assert_eq!(again.steps, [], "a password is no drift");
    store.destroy(Keep::default()).await;
    assert_eq!(traces(store).await, [""; 0]);
}

async fn in_use(store: &Store) {
    let names = &store.want.identities;
    for login in &names.app.logins {
        let mut app = store.enter(login).await;
        let insert = store.sql("INSERT INTO §orders (status) VALUES ($1) RETURNING order_id");
        let order = app
            .query(&insert, &[Value::from("new")])
            .await
            .expect("an order")[0][0]
            .clone();
        let insert = store.sql(
            "INSERT INTO §order_items (order_id, quantity) VALUES ($1, 2) RETURNING order_item_id",
        );
        app.query(&insert, &[order])
            .await
            .expect("an item with its id");
        app.execute(&store.sql("INSERT INTO §notes (words) VALUES ('a')"))
            .await
            .expect("a serial");
        let updated = app
            .run(&store.sql("UPDATE §orders SET status = 'old'"), &[])
            .await;
        assert!(updated.expect("an update") > 0);
        assert_eq!(
            list(&mut *app, &store.sql("SELECT §twice(2)::text")).await,
            ["4"]
        );
        app.query(&store.sql("SELECT order_id FROM §big_orders"), &[])
            .await
            .expect("a view");
        assert!(
            app.execute(&store.sql("UPDATE §order_items SET quantity = 3"))
                .await
                .is_err()
        );
    }
    let ledger = format!("SELECT count(*) FROM {}", store.want.spot.own("ledger"));
    let mut backup = store.enter(&names.backup).await;
    backup
        .query(&store.sql("SELECT count(*) FROM §order_items"), &[])
        .await
        .expect("the backup reads");
    backup
        .query(&ledger, &[])
        .await
        .expect("the backup reads the ledger");
    let mut sidecar = store.enter(&names.sidecar).await;
    assert!(
        sidecar
            .execute(&store.sql("SELECT * FROM §orders"))
            .await
            .is_err()
    );
    sidecar
        .query(&ledger, &[])
        .await
        .expect("the sidecar reads the ledger");
    sidecar
        .issue(&store.want, &names.app.logins[0], None)
        .await
        .expect("takes a password away");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_its_own() {
    let Some(server) = server().await else { return };
    for admin in ADMINS {
        life(&Store::new(&server, admin, Isolation::Database, "alpha")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_of_a_shared_database() {
    let Some(server) = server().await else { return };
    for admin in ADMINS {
        let at = server.admin(admin).with_database("shared");
        life(&Store::at(&server, at, Isolation::Schema, "beta")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_a_shared_schema() {
    let Some(server) = server().await else { return };
    for admin in ADMINS {
        let at = server.admin(admin).with_database("shared");
        life(&Store::at(&server, at, Isolation::Tables, "gamma")).await;
    }
}
