//! What others change by hand is seen, and undone where this admin can.

use freehold_engine::{AccessWant, Change, Subject};
use freehold_model::Right;

use crate::world::{Admin, World};

/// What the diff has to make of a change.
enum Undone {
    /// A step of this kind about this subject and name; afterwards everything is as before.
    Step(Change, Subject, &'static str),
    /// By a superuser so, and by a plain admin told under this code.
    StepOr(Change, Subject, &'static str, &'static str),
    /// Told under this code; the second statement takes it away again.
    Told(&'static str, &'static str),
}
use Undone::{Step, StepOr, Told};

#[rustfmt::skip]
const CASES: &[(&str, Undone)] = &[
    ("GRANT DELETE ON orders.order_items TO orders_app_1@'127.0.0.1'", Step(Change::Remove, Subject::Grant, "orders_app_1")),
    ("GRANT UPDATE (order_id) ON orders.order_items TO orders_app_1@'127.0.0.1'", Step(Change::Remove, Subject::Grant, "orders_app_1")),
    ("GRANT SELECT ON orders.orders TO orders_sidecar@'127.0.0.1'", Step(Change::Remove, Subject::Grant, "orders_sidecar")),
    ("GRANT SELECT ON orders.orders TO orders_app_1@'127.0.0.1' WITH GRANT OPTION", Step(Change::Change, Subject::Grant, "orders_app_1")),
    ("REVOKE INSERT ON orders.orders FROM orders_app_1@'127.0.0.1'", Step(Change::Add, Subject::Grant, "orders_app_1")),
    ("REVOKE ALL PRIVILEGES ON orders.orders FROM orders_app_2@'127.0.0.1'", Step(Change::Add, Subject::Grant, "orders_app_2")),
    ("GRANT EXECUTE ON PROCEDURE orders.freehold_issue TO orders_app_1@'127.0.0.1'", Step(Change::Remove, Subject::Grant, "orders_app_1")),
    ("GRANT SELECT ON orders.* TO orders_app_1@'127.0.0.1'", Step(Change::Remove, Subject::Access, "orders_app_1")),
    ("GRANT SELECT ON orders.* TO theirs@'%'", Step(Change::Remove, Subject::Access, "theirs@%")),
    ("GRANT INSERT ON orders.orders TO theirs@'%'", Step(Change::Remove, Subject::Grant, "theirs@%")),
    ("GRANT SELECT ON orders.a_table_that_is_not_there_any_more TO theirs@'%'", Step(Change::Remove, Subject::Grant, "theirs@%")),
    ("REVOKE TRIGGER ON orders.* FROM orders_owner@'127.0.0.1'", Step(Change::Add, Subject::Access, "orders_owner")),
    ("GRANT FILE ON *.* TO orders_app_1@'127.0.0.1'", StepOr(Change::Remove, Subject::Access, "orders_app_1", "FH3105")),
    ("GRANT SELECT ON *.* TO orders_backup@'127.0.0.1'", StepOr(Change::Remove, Subject::Access, "orders_backup", "FH3105")),
    ("GRANT SELECT ON theirs.* TO orders_app_1@'127.0.0.1'", StepOr(Change::Remove, Subject::Access, "orders_app_1", "FH3105")),
    ("GRANT SELECT ON theirs.t TO orders_app_1@'127.0.0.1'", StepOr(Change::Remove, Subject::Grant, "orders_app_1", "FH3105")),
    ("GRANT SELECT ON `order%`.* TO theirs@'%'", Told("FH3124", "REVOKE SELECT ON `order%`.* FROM theirs@'%'")),
    ("ALTER USER orders_owner@'127.0.0.1' ACCOUNT UNLOCK", Step(Change::Change, Subject::Identity, "orders_owner")),
    ("ALTER USER orders_app_2@'127.0.0.1' IDENTIFIED BY '' ACCOUNT UNLOCK", Step(Change::Change, Subject::Identity, "orders_app_2")),
    ("DROP USER orders_app_2@'127.0.0.1'", Step(Change::Add, Subject::Identity, "orders_app_2")),
    ("DROP PROCEDURE orders.freehold_issue", Step(Change::Add, Subject::Issuer, "freehold_issue")),
    ("ALTER PROCEDURE orders.freehold_issue SQL SECURITY INVOKER", Step(Change::Change, Subject::Issuer, "freehold_issue")),
    ("CREATE USER orders_app_1@'%' ACCOUNT LOCK", Told("FH3126", "DROP USER orders_app_1@'%'")),
];

/// What only `MariaDB` has, or has otherwise.
#[rustfmt::skip]
const MARIADB: &[(&str, Undone)] = &[
    ("GRANT SELECT ON orders.orders TO PUBLIC", Step(Change::Remove, Subject::Grant, "PUBLIC")),
    ("ALTER USER orders_app_2@'127.0.0.1' IDENTIFIED VIA unix_socket ACCOUNT UNLOCK", Step(Change::Change, Subject::Identity, "orders_app_2")),
    ("ALTER USER orders_backup@'127.0.0.1' IDENTIFIED VIA mysql_native_password USING 'invalid' OR unix_socket", Step(Change::Change, Subject::Identity, "orders_backup")),
    ("INSERT INTO mysql.proxies_priv (Host, User, Proxied_host, Proxied_user) VALUES ('%', 'theirs', '127.0.0.1', 'orders_app_1')", Told("FH3105", "DELETE FROM mysql.proxies_priv")),
    ("GRANT their_role TO orders_app_1@'127.0.0.1'", Told("FH3105", "REVOKE their_role FROM orders_app_1@'127.0.0.1'")),
    ("CREATE OR REPLACE DEFINER=root_like@'127.0.0.1' PROCEDURE orders.freehold_issue(IN login TEXT, IN verifier TEXT) SELECT 1", Step(Change::Change, Subject::Issuer, "freehold_issue")),
];

#[tokio::test]
async fn undone_by_a_superuser() {
    drift(Admin::Super).await;
}

#[tokio::test]
async fn undone_by_a_plain_admin() {
    drift(Admin::Plain).await;
}

async fn drift(admin: Admin) {
    let Some(world) = World::new(admin, &[]).await else {
        return;
    };
    world.with_tables().await;
    world
        .by_hand(&[
            "CREATE DATABASE theirs",
            "CREATE TABLE theirs.t (id INT)",
            "CREATE USER theirs@'%' ACCOUNT LOCK",
            "CREATE USER root_like@'127.0.0.1' ACCOUNT LOCK",
            "CREATE ROLE their_role",
            "CREATE TABLE orders.a_table_that_is_not_there_any_more (id INT)",
        ])
        .await;
    world.converge().await;
    let more = if world.is_mysql() { &[] } else { MARIADB };
    for (sql, expected) in CASES.iter().chain(more) {
        let before = world.live().await;
        let forbidden = world.diff().await.advisory;
        world.by_hand(&[sql]).await;
        if sql.contains("not_there_any_more") {
            world
                .by_hand(&["DROP TABLE orders.a_table_that_is_not_there_any_more"])
                .await;
        }
        let diff = world.diff().await;
        let told: Vec<&str> = diff
            .advisory
            .iter()
            .filter(|fault| !forbidden.contains(fault))
            .map(|fault| fault.code)
            .collect();
        let (expected_step, code, undo) = match expected {
            Step(change, subject, name) => (Some((*change, *subject, *name)), None, None),
            StepOr(change, subject, name, _) if admin == Admin::Super => {
                (Some((*change, *subject, *name)), None, None)
            }
            StepOr(_, _, _, code) => (
                None,
                Some(*code),
                diff.advisory.iter().find(|fault| fault.code == *code),
            ),
            Told(code, _) => (
                None,
                Some(*code),
                diff.advisory.iter().find(|fault| fault.code == *code),
            ),
        };
        let steps: Vec<_> = diff
            .steps
            .iter()
            .map(|step| (step.change, step.subject, step.name.as_str()))
            .collect();
        assert!(
            expected_step.is_none_or(|step| steps.contains(&step)),
            "{sql}: {steps:?}"
        );
        assert!(
            expected_step.is_some() || steps.is_empty(),
            "{sql}: {steps:?}"
        );
        assert_eq!(told, code.into_iter().collect::<Vec<_>>(), "{sql}");
        match (expected, undo) {
            (Told(_, undo), _) => world.by_hand(&[undo]).await,
            (_, Some(fault)) => {
                // The help holds the very statement for somebody with more rights.
                let statement = fault
                    .help
                    .iter()
                    .find_map(|line| line.split_once(": "))
                    .unwrap()
                    .1;
                world.by_hand(&[statement]).await;
            }
            _ => drop(world.converge().await),
        }
        let mut after = world.live().await;
        if sql.contains("DROP USER") || sql.contains("IDENTIFIED") {
            after.roles.clone_from(&before.roles);
        }
        if sql.contains("not_there_any_more") {
            after.tables.clone_from(&before.tables);
            after.grants.retain(|grant| before.grants.contains(grant));
            continue;
        }
        assert_eq!(after, before, "{sql}");
    }
}

#[tokio::test]
async fn without_prune_rights_stay_and_are_told() {
    let Some(mut world) = World::new(Admin::Plain, &[]).await else {
        return;
    };
    world.with_tables().await;
    world.want.prune = false;
    world
        .by_hand(&[
            "CREATE USER theirs@'%' ACCOUNT LOCK",
            "GRANT SELECT ON orders.orders TO theirs@'%'",
            "GRANT DELETE ON orders.order_items TO orders_app_1@'127.0.0.1'",
            "REVOKE SELECT ON orders.orders FROM orders_app_1@'127.0.0.1'",
        ])
        .await;
    let diff = world.diff().await;
    let told: Vec<&str> = diff
        .advisory
        .iter()
        .filter(|fault| fault.code == "FH3116")
        .map(|fault| fault.message.as_str())
        .collect();
    assert_eq!(
        told,
        [
            "orders: orders_app_1 holds DELETE on order_items, which nobody declared",
            "orders: theirs@% holds SELECT on orders, which nobody declared"
        ]
    );
    assert_eq!(
        diff.steps.len(),
        1,
        "what is missing is given all the same: {:?}",
        diff.steps
    );
    world.converge().await;
}

#[tokio::test]
async fn access_is_granted_and_taken_back() {
    let Some(mut world) = World::new(Admin::Plain, &[]).await else {
        return;
    };
    world.with_tables().await;
    world
        .by_hand(&[
            "CREATE USER bi@'127.0.0.1' IDENTIFIED BY 'bi'",
            "CREATE USER bi@'%' ACCOUNT LOCK",
            "CREATE USER ops@'%' ACCOUNT LOCK",
            "GRANT ALL ON orders.* TO ops@'%'",
        ])
        .await;
    world.want.access = vec![
        AccessWant {
            who: "bi".to_owned(),
            right: Right::Read,
        },
        AccessWant {
            who: "ops@%".to_owned(),
            right: Right::Admin,
        },
    ];
    let diff = world.converge().await;
    let names: Vec<&str> = diff.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(
        names,
        ["bi", "bi@%"],
        "each account of the name, and no admin"
    );
    world.want.access[0].right = Right::Write;
    world.converge().await;
    let bi = freehold_engine::Secret::new("bi");
    let mut session = world.try_log_in("bi", &bi).await.unwrap();
    session
        .execute("UPDATE orders SET note = 'bi'")
        .await
        .unwrap();
    assert!(
        session.execute("DELETE FROM order_items").await.is_err(),
        "append-only holds for everybody"
    );
    world.want.access.clear();
    let diff = world.converge().await;
    assert!(
        diff.steps.iter().all(|step| step.change == Change::Remove),
        "{:?}",
        diff.steps
    );
    assert!(
        session.execute("SELECT * FROM orders").await.is_err(),
        "gone from an open session too"
    );
    world.want.access = vec![AccessWant {
        who: "nobody_here".to_owned(),
        right: Right::Read,
    }];
    assert_eq!(world.diff().await.refused[0].code, "FH3117");
}

#[tokio::test]
async fn a_table_that_becomes_append_only_loses_rights_in_open_sessions() {
    let Some(mut world) = World::new(Admin::Plain, &[]).await else {
        return;
    };
    world.with_tables().await;
    let mut app = world.log_in("orders_app_1").await;
    app.execute("INSERT INTO orders (note) VALUES ('a')")
        .await
        .unwrap();
    world.want.append_only.insert("orders".to_owned());
    world.converge().await;
    assert!(app.execute("UPDATE orders SET note = 'b'").await.is_err());
    app.execute("INSERT INTO orders (note) VALUES ('c')")
        .await
        .unwrap();
}
