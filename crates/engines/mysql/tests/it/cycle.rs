//! A store from nothing to nothing, as either kind of admin.

use freehold_engine::{Change, ErrorKind, Keep, Subject, Value};

use crate::world::{Admin, World};

#[tokio::test]
async fn as_a_plain_admin() {
    cycle(Admin::Plain).await;
}

#[tokio::test]
async fn as_a_superuser() {
    cycle(Admin::Super).await;
}

async fn cycle(admin: Admin) {
    let Some(world) = World::new(admin, &[]).await else {
        return;
    };
    world
        .by_hand(&[
            "CREATE DATABASE theirs",
            "CREATE TABLE theirs.t (id INT)",
            "CREATE USER orders_bi@'127.0.0.1' ACCOUNT LOCK",
            "GRANT SELECT ON theirs.* TO orders_bi@'127.0.0.1'",
        ])
        .await;
    let before = snapshot(&world).await;

    let first = world.converge().await;
    let order: Vec<(Change, Subject)> = first
        .steps
        .iter()
        .map(|step| (step.change, step.subject))
        .collect();
    assert!(
        order.iter().all(|(change, _)| *change == Change::Add),
        "{order:?}"
    );
    world.with_tables().await;
    made(&world).await;
    migrator_is_gone(&world).await;
    rotation(&world).await;

    world.drop_store(Keep::default()).await;
    assert_eq!(
        snapshot(&world).await,
        before,
        "something is left, or of others is gone"
    );
    let again = world.removal(Keep::default()).await;
    assert_eq!(
        (again.steps.len(), again.refused.len()),
        (0, 0),
        "{again:?}"
    );
    // A second life under the same name.
    world.converge().await;
}

/// What must be the same before and after.
async fn snapshot(world: &World) -> String {
    let accounts = if world.is_mysql() {
        "SELECT user, host FROM mysql.user ORDER BY 1, 2"
    } else {
        "SELECT User, Host FROM mysql.global_priv ORDER BY 1, 2"
    };
    let mut all = String::new();
    for sql in [
        accounts,
        "SELECT User, Host, Db FROM mysql.db ORDER BY 1, 2, 3",
        "SELECT User, Host, Db, Table_name FROM mysql.tables_priv ORDER BY 1, 2, 3, 4",
        "SELECT User, Host, Db, Routine_name FROM mysql.procs_priv ORDER BY 1, 2, 3, 4",
        "SELECT schema_name FROM information_schema.schemata ORDER BY 1",
        "SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema = 'theirs'",
    ] {
        all += &world.ask(sql).await;
        all.push('\n');
    }
    all
}

async fn made(world: &World) {
    let mut app = world.log_in("orders_app_1").await;
    app.execute("INSERT INTO orders (note) VALUES ('a')")
        .await
        .unwrap();
    app.execute("UPDATE orders SET note = 'b'").await.unwrap();
    if world.is_mysql() {
        app.execute("INSERT INTO order_items (order_id) VALUES (1)")
            .await
            .unwrap();
        let denied = app
            .execute("INSERT INTO order_items (id, order_id) VALUES (99, 1)")
            .await
            .unwrap_err();
        assert_eq!(denied.kind, ErrorKind::Denied, "an id was forged");
    } else {
        let rows = app
            .query(
                "INSERT INTO order_items (order_id) VALUES (1) RETURNING id",
                &[],
            )
            .await
            .unwrap();
        assert_eq!(rows, [[Value::I64(1)]]);
    }
    app.execute("CALL touch()").await.unwrap();
    app.query("SELECT * FROM recent", &[]).await.unwrap();
    for denied in [
        "DELETE FROM order_items",
        "UPDATE order_items SET order_id = 2",
        "SELECT * FROM freehold_ledger",
    ] {
        assert_eq!(
            app.execute(denied).await.unwrap_err().kind,
            ErrorKind::Denied,
            "{denied}"
        );
    }
    let mut sidecar = world.log_in("orders_sidecar").await;
    sidecar
        .query("SELECT * FROM freehold_ledger", &[])
        .await
        .unwrap();
    assert_eq!(
        sidecar
            .execute("SELECT * FROM orders")
            .await
            .unwrap_err()
            .kind,
        ErrorKind::Denied
    );
    let mut backup = world.log_in("orders_backup").await;
    for table in ["orders", "order_items", "recent", "freehold_ledger"] {
        backup
            .query(&format!("SELECT * FROM {table}"), &[])
            .await
            .unwrap();
    }
    assert_eq!(
        backup.execute("DELETE FROM orders").await.unwrap_err().kind,
        ErrorKind::Denied
    );
    assert_eq!(
        world.diff().await.steps,
        [],
        "a login with a password is no drift"
    );
}

async fn migrator_is_gone(world: &World) {
    let live = world.live().await;
    let owner = &live.roles["orders_owner"];
    assert_eq!((owner.can_login, owner.has_password), (false, Some(false)));
    let sessions = world
        .ask("SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'orders_owner'")
        .await;
    assert_eq!(sessions, "0");
    // A definer that is locked still lends its rights.
    let mut app = world.log_in("orders_app_1").await;
    app.query("SELECT * FROM recent", &[]).await.unwrap();
}

async fn rotation(world: &World) {
    let first = world.issue("orders_app_1").await;
    let second = world.issue("orders_app_1").await;
    let refused = world
        .try_log_in("orders_app_1", &first)
        .await
        .err()
        .unwrap();
    assert_eq!(refused.kind, ErrorKind::LoginRefused);
    let open = world.try_log_in("orders_app_1", &second).await.unwrap();
    let mut sidecar = world.log_in("orders_sidecar").await;
    sidecar
        .issue(&world.want, "orders_app_1", None)
        .await
        .unwrap();
    assert!(
        world.try_log_in("orders_app_1", &second).await.is_err(),
        "the password was taken away"
    );
    for other in [
        "orders_owner",
        "orders_issuer",
        "orders_bi",
        "ORDERS_APP_1",
        "orders_app_1 ",
        "x' OR 1",
    ] {
        let refused = sidecar.issue(&world.want, other, None).await.unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Invalid, "{other}: {refused}");
    }
    drop(open);
}
