//! From nothing to a store in use, and back to nothing, at each isolation level and by each
//! administrator.

use freehold_engine::{Engine as _, Keep, Value, Verifiers};
use freehold_model::Isolation;

use freehold_postgres::Postgres;

use crate::scratch::{ADMINS, Admin, server};
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
        life(&Store::at(&server, at, Isolation::Tables, "ground")).await;
    }
}

/// A run that is cut off after any of its steps is finished by the next one, and so is a removal.
#[tokio::test(flavor = "multi_thread")]
async fn any_step_may_be_the_last_one() {
    let Some(server) = server().await else { return };
    let shared = || server.admin(Admin::Plain).with_database("shared");
    let stores = [
        Store::new(&server, Admin::Plain, Isolation::Database, "cut_d"),
        Store::at(&server, shared(), Isolation::Schema, "cut_s"),
        Store::at(&server, shared(), Isolation::Tables, "cut_t"),
    ];
    for store in &stores {
        let mut after = 1;
        loop {
            let steps = store.diff().await.steps;
            let cut = steps.len().min(after);
            store.run(&steps[..cut], &Verifiers::new()).await;
            store.apply().await;
            assert_eq!(store.diff().await.steps, []);
            let live = store.look().await;
            let removal =
                Postgres.drop_steps(&store.probe().await, &store.want, &live, Keep::default());
            let cut_removal = removal.steps.len().min(after);
            store
                .run(&removal.steps[..cut_removal], &Verifiers::new())
                .await;
            store.destroy(Keep::default()).await;
            assert_eq!(traces(store).await, [""; 0], "cut off after {after}");
            if cut == steps.len() && cut_removal == removal.steps.len() {
                break;
            }
            after += 1;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migrator_that_was_left_behind_goes_with_the_next_run() {
    let Some(server) = server().await else { return };
    for (admin, name) in ADMINS.into_iter().zip(["left_s", "left_p"]) {
        let store = Store::new(&server, admin, Isolation::Database, name);
        store.apply().await;
        let mut session = store.open_migrator().await;
        session
            .execute("SET ROLE NONE; CREATE TABLE stray (a int)")
            .await
            .expect("a table in its own name");
        let steps = store.apply().await;
        assert!(
            steps
                .iter()
                .any(|step| step.name == format!("{name}_migrator")),
            "{steps:#?}"
        );
        assert!(
            session.execute("SELECT 1").await.is_err(),
            "its session is over"
        );
        let mut root = store.root().await;
        assert_eq!(
            list(
                &mut *root,
                "SELECT tableowner FROM pg_tables WHERE tablename = 'stray'"
            )
            .await,
            [format!("{name}_owner")]
        );
        drop(root);
        store.destroy(Keep::default()).await;
        assert_eq!(traces(&store).await, [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn data_or_credentials_may_be_kept() {
    let Some(server) = server().await else { return };
    let shared = || server.admin(Admin::Plain).with_database("shared");
    let stores = [
        Store::new(&server, Admin::Plain, Isolation::Database, "kept_d"),
        Store::at(&server, shared(), Isolation::Schema, "kept_s"),
        Store::at(&server, shared(), Isolation::Tables, "kept_t"),
    ];
    for store in &stores {
        store.apply().await;
        store.migrate(&store.tables()).await.expect("a migration");
        let insert = store.sql("INSERT INTO §notes (words) VALUES ('kept')");
        store
            .enter(&store.want.identities.app.logins[0])
            .await
            .execute(&insert)
            .await
            .expect("a row");
        store
            .destroy(Keep {
                data: true,
                credentials: false,
            })
            .await;
        let left: Vec<_> = traces(store)
            .await
            .into_iter()
            .filter(|trace| trace.starts_with("role "))
            .collect();
        assert_eq!(left, [format!("role {}", store.want.identities.owner)]);
        store.apply().await;
        let count = store.sql("SELECT words FROM §notes");
        let mut app = store.enter(&store.want.identities.app.logins[1]).await;
        assert_eq!(list(&mut *app, &count).await, ["kept"]);
        drop(app);
        store
            .destroy(Keep {
                data: false,
                credentials: true,
            })
            .await;
        let live = store.look().await;
        let mark = |role: &&freehold_engine::Role| role.mark == freehold_engine::Mark::Ours;
        assert_eq!(live.roles.values().filter(mark).count(), 7);
        assert!(!live.has_table(&store.sql("§notes")));
        store.apply().await;
        store.destroy(Keep::default()).await;
        assert_eq!(traces(store).await, [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_made_is_not_touched() {
    let Some(server) = server().await else { return };
    let mut root = server.root("postgres").await;
    root.execute("CREATE ROLE foreign_app")
        .await
        .expect("somebody's role");
    let store = Store::new(&server, Admin::Plain, Isolation::Database, "foreign");
    let taken = store.diff().await;
    assert_eq!((taken.steps.len(), taken.refused[0].code), (0, "FH3103"));
    root.execute("DROP ROLE foreign_app").await.expect("gone");
    let mut store = Store::new(&server, Admin::Plain, Isolation::Database, "unowned");
    store.want.spot.database = "somebodys".to_owned();
    let taken = store.diff().await;
    assert_eq!((taken.steps.len(), taken.refused[0].code), (0, "FH3101"));
    let live = store.look().await;
    let removal = Postgres.drop_steps(&store.probe().await, &store.want, &live, Keep::default());
    assert_eq!(
        (removal.steps.len(), removal.refused[0].code),
        (0, "FH3101")
    );
}
