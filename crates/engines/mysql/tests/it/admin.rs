//! What forbids to begin: rights that an admin lacks, names that are taken, holes, other hosts.

use freehold_engine::{Endpoint, Keep, Secret};
use freehold_model::{Fault, Isolation};

use crate::world::{Admin, World};

fn codes(faults: &[Fault]) -> Vec<&str> {
    faults.iter().map(|fault| fault.code).collect()
}

#[tokio::test]
async fn an_admin_that_lacks_a_right_is_told_the_grant_that_gives_it() {
    let Some(mut world) = World::new(Admin::Plain, &[]).await else {
        return;
    };
    if world.is_mysql() {
        return;
    }
    world
        .by_hand(&[
            "REVOKE SET USER, CONNECTION ADMIN ON *.* FROM adm@'127.0.0.1'",
            "REVOKE TRIGGER ON orders.* FROM adm@'127.0.0.1'",
        ])
        .await;
    let refused = world.diff().await.refused;
    assert_eq!(codes(&refused), ["FH3102"]);
    assert_eq!(
        refused[0].message,
        "orders: the admin `adm`@`127.0.0.1` lacks CONNECTION ADMIN, SET USER, TRIGGER on orders.*"
    );
    let grants: Vec<&str> = refused[0]
        .help
        .iter()
        .map(|line| line.rsplit(": ").next().unwrap())
        .collect();
    world.by_hand(&grants).await;
    world.converge().await;
    // Without a look at the accounts nothing is claimed.
    world
        .by_hand(&["REVOKE SELECT ON mysql.* FROM adm@'127.0.0.1'"])
        .await;
    let refused = world.diff().await.refused;
    assert_eq!(codes(&refused), ["FH3102"]);
    assert!(
        refused[0].message.ends_with("lacks SELECT on mysql.*"),
        "{}",
        refused[0].message
    );
    // And nothing is asked of an admin that has nothing to do.
    world
        .by_hand(&[
            "GRANT SELECT ON mysql.* TO adm@'127.0.0.1'",
            "REVOKE SET USER ON *.* FROM adm@'127.0.0.1'",
        ])
        .await;
    assert_eq!(codes(&world.diff().await.refused), Vec::<&str>::new());
    world.want.service = "other".to_owned();
    assert!(codes(&world.diff().await.refused).contains(&"FH3101"));
}

#[tokio::test]
async fn what_is_somebody_elses_is_not_touched() {
    let Some(world) = World::new(Admin::Super, &[]).await else {
        return;
    };
    world
        .by_hand(&[
            "CREATE DATABASE orders",
            "CREATE TABLE orders.theirs (id INT)",
        ])
        .await;
    assert_eq!(codes(&world.diff().await.refused), ["FH3101"]);
    assert_eq!(
        codes(&world.removal(Keep::default()).await.refused),
        ["FH3101"]
    );
    world
        .by_hand(&[
            "DROP DATABASE orders",
            "CREATE USER orders_app_1@'127.0.0.1' ACCOUNT LOCK",
        ])
        .await;
    let refused = world.diff().await.refused;
    assert_eq!(codes(&refused), ["FH3103"]);
    assert!(refused[0].message.contains("`orders_app_1`@`127.0.0.1`"));
    assert_eq!(
        codes(&world.removal(Keep::default()).await.refused),
        ["FH3103"]
    );
    world.by_hand(&["DROP USER orders_app_1@'127.0.0.1'"]).await;
    world.converge().await;
}

#[tokio::test]
async fn another_host_of_the_admin_is_no_second_set_of_accounts() {
    let Some(mut world) = World::new(Admin::Super, &[]).await else {
        return;
    };
    world.converge().await;
    world
        .by_hand(&[
            "CREATE USER far@'%' IDENTIFIED BY 'far'",
            "GRANT ALL ON *.* TO far@'%' WITH GRANT OPTION",
        ])
        .await;
    let far = Endpoint {
        ..world.root.with_login("far", Some(Secret::new("far")))
    };
    world.admin = far;
    let refused = world.diff().await.refused;
    assert_eq!(codes(&refused), ["FH3123"]);
    assert!(
        refused[0].message.contains("`127.0.0.1`"),
        "{}",
        refused[0].message
    );
}

#[tokio::test]
async fn holes_in_append_only_tables_are_refused() {
    let Some(world) = World::new(Admin::Plain, &[]).await else {
        return;
    };
    world.with_tables().await;
    assert_eq!(world.diff().await.refused, []);
    for (make, undo) in [
        (
            "ALTER TABLE order_items ADD CONSTRAINT hole FOREIGN KEY (order_id) REFERENCES orders (id) ON DELETE CASCADE",
            "ALTER TABLE order_items DROP FOREIGN KEY hole",
        ),
        (
            "ALTER TABLE order_items ADD CONSTRAINT hole FOREIGN KEY (order_id) REFERENCES orders (id) ON UPDATE CASCADE",
            "ALTER TABLE order_items DROP FOREIGN KEY hole",
        ),
        (
            "CREATE TRIGGER hole AFTER DELETE ON orders FOR EACH ROW DELETE FROM order_items WHERE order_id = OLD.id",
            "DROP TRIGGER hole",
        ),
        (
            "CREATE EVENT hole ON SCHEDULE EVERY 1 DAY DO TRUNCATE TABLE order_items",
            "DROP EVENT hole",
        ),
    ] {
        world.migrate(&[make]).await;
        let refused = world.diff().await.refused;
        assert_eq!(codes(&refused), ["FH3104"], "{make}");
        assert!(refused[0].message.contains("order_items"));
        world.migrate(&[undo]).await;
    }
    world
        .migrate(&[
            "CREATE VIEW items AS SELECT * FROM order_items",
            "CREATE PROCEDURE forget(IN which BIGINT) UPDATE items SET order_id = 0 WHERE id = which",
            "CREATE TRIGGER hole BEFORE UPDATE ON orders FOR EACH ROW CALL forget(NEW.id)",
        ])
        .await;
    assert_eq!(
        codes(&world.diff().await.refused),
        ["FH3104"],
        "through a procedure and a view"
    );
    world.migrate(&["DROP TRIGGER hole"]).await;
    // The procedure alone is nobody's to call.
    world.converge().await;
}

#[tokio::test]
async fn tables_in_a_shared_database() {
    let Some(mut world) = World::new(Admin::Plain, &[]).await else {
        return;
    };
    world
        .by_hand(&[
            "CREATE DATABASE shop",
            "CREATE TABLE shop.theirs (id INT)",
            "CREATE TABLE shop.orderspread (id INT)",
        ])
        .await;
    world.want.isolation = Isolation::Tables;
    world.want.spot.database = "shop".to_owned();
    world.want.spot.prefix = "orders_".to_owned();
    world.want.append_only = ["orders_log".to_owned()].into();
    let diff = world.converge().await;
    assert!(codes(&diff.advisory).contains(&"FH3106"));
    world
        .migrate(&[
            "CREATE TABLE orders_a (id INT PRIMARY KEY)",
            "CREATE TABLE orders_log (id INT PRIMARY KEY AUTO_INCREMENT, what INT)",
        ])
        .await;
    world.converge().await;
    let mut app = world.log_in("orders_app_1").await;
    app.execute("INSERT INTO orders_a VALUES (1)")
        .await
        .unwrap();
    app.execute("INSERT INTO orders_log (what) VALUES (1)")
        .await
        .unwrap();
    for denied in [
        "DELETE FROM orders_log",
        "SELECT * FROM theirs",
        "SELECT * FROM orderspread",
        "CREATE TABLE orders_b (id INT)",
    ] {
        assert!(app.execute(denied).await.is_err(), "{denied}");
    }
    drop(app);
    world.drop_store(Keep::default()).await;
    let left = world.ask("SELECT table_name FROM information_schema.tables WHERE table_schema = 'shop' ORDER BY 1").await;
    assert_eq!(left, "orderspread\ntheirs");
}

#[tokio::test]
async fn what_is_kept_is_found_again() {
    let Some(world) = World::new(Admin::Plain, &[]).await else {
        return;
    };
    world.with_tables().await;
    let password = world.issue("orders_app_1").await;
    world
        .drop_store(Keep {
            credentials: true,
            data: false,
        })
        .await;
    world
        .try_log_in("orders_app_1", &password)
        .await
        .map(drop)
        .or_else(|error| if world.is_mysql() { Ok(()) } else { Err(error) })
        .unwrap();
    world.with_tables().await;
    world
        .by_hand(&["INSERT INTO orders.orders (note) VALUES ('kept')"])
        .await;
    world
        .drop_store(Keep {
            data: true,
            credentials: false,
        })
        .await;
    assert_eq!(world.ask("SELECT note FROM orders.orders").await, "kept");
    assert!(world.try_log_in("orders_app_1", &password).await.is_err());
    world.converge().await;
    let mut app = world.log_in("orders_app_1").await;
    assert_eq!(
        app.query("SELECT id FROM recent", &[]).await.unwrap().len(),
        1,
        "the view's definer stayed"
    );
    world.drop_store(Keep::default()).await;
}
