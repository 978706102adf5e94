//! Access lists as this crate reads them, against the server's own `aclexplode`, over roles with
//! the oddest of names.

use std::collections::BTreeSet;

use freehold_engine::{Grant, Keep, Object};
use freehold_model::Isolation;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};

use crate::scratch::{Admin, server};
use crate::store::Store;

const RIGHTS: &[&str] = &[
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "TRUNCATE",
    "REFERENCES",
    "TRIGGER",
];

fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Role, right, grantable; on which of two tables, or on a column.
fn grants() -> impl Strategy<Value = Vec<(usize, usize, bool, usize)>> {
    prop::collection::vec(
        (0..5_usize, 0..RIGHTS.len(), any::<bool>(), 0..3_usize),
        0..24,
    )
}

fn statement(
    (role, right, grantable, place): (usize, usize, bool, usize),
    roles: &[String],
) -> String {
    let to = if role == 4 {
        "PUBLIC".to_owned()
    } else {
        ident(&roles[role])
    };
    // PUBLIC cannot hand on, and a column has fewer rights.
    let option = if grantable && role != 4 {
        " WITH GRANT OPTION"
    } else {
        ""
    };
    match place {
        0 => format!("GRANT {} ON orders TO {to}{option};", RIGHTS[right]),
        1 => format!("GRANT {} ON notes TO {to}{option};", RIGHTS[right]),
        _ => format!(
            "GRANT {} (words) ON notes TO {to}{option};",
            RIGHTS[right % 3]
        ),
    }
}

const EXPLODED: &str = "
SELECT coalesce(r.rolname, 'PUBLIC')::text, relname::text, ''::text, a.privilege_type, a.is_grantable
  FROM pg_class c CROSS JOIN aclexplode(c.relacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee WHERE relname IN ('orders', 'notes') AND a.grantee <> c.relowner
UNION ALL
SELECT coalesce(r.rolname, 'PUBLIC')::text, relname::text, attname::text, a.privilege_type, a.is_grantable
  FROM pg_class c JOIN pg_attribute t ON t.attrelid = c.oid CROSS JOIN aclexplode(t.attacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee
  WHERE relname IN ('orders', 'notes') AND a.grantee <> c.relowner";

#[tokio::test(flavor = "multi_thread")]
async fn access_lists_are_read_as_the_server_reads_them() {
    let Some(server) = server().await else { return };
    let store = Store::new(&server, Admin::Superuser, Isolation::Database, "listed");
    store.apply().await;
    store.migrate(&store.tables()).await.expect("a migration");
    let mut runner = TestRunner::new(Config::default());
    let name = prop::collection::vec(
        prop::char::any().prop_filter("no NUL", |c| *c != '\0'),
        1..8,
    );
    for round in 0..12 {
        let mut generate = || -> String {
            let tree = name.new_tree(&mut runner).expect("a name");
            // Unique, and never a keyword.
            format!("{}-{round}", tree.current().into_iter().collect::<String>())
        };
        let roles: Vec<String> = [
            generate(),
            generate(),
            generate(),
            format!("a\"b,c{{d}}=e/f*\\g {round}"),
        ]
        .into_iter()
        .enumerate()
        .map(|(at, name)| format!("{at}{name}"))
        .collect();
        let grants = grants().new_tree(&mut runner).expect("grants").current();
        let mut root = store.root().await;
        let made: Vec<String> = roles
            .iter()
            .map(|role| format!("CREATE ROLE {};", ident(role)))
            .collect();
        root.execute(&made.concat()).await.expect("roles");
        let given: Vec<String> = grants
            .into_iter()
            .map(|grant| statement(grant, &roles))
            .collect();
        root.execute(&given.concat()).await.expect("grants");
        let rows = root.query(EXPLODED, &[]).await.expect("exploded");
        let text = |value: &freehold_engine::Value| value.text().unwrap_or_default().to_owned();
        let expected: BTreeSet<Grant> = rows
            .iter()
            .map(|row| {
                let on = match text(&row[2]).as_str() {
                    "" => Object::Table(text(&row[1])),
                    column => Object::Column(text(&row[1]), column.to_owned()),
                };
                Grant {
                    grantable: row[4].truth().unwrap_or(false),
                    ..Grant::new(&text(&row[0]), on, &text(&row[3]))
                }
            })
            .collect();
        let found: BTreeSet<Grant> = store
            .look()
            .await
            .grants
            .into_iter()
            .filter(|grant| matches!(&grant.on, Object::Table(name) | Object::Column(name, _) if name == "orders" || name == "notes"))
            .collect();
        assert_eq!(found, expected, "{roles:?}");
        assert!(!store.apply().await.is_empty() || given.is_empty());
        let gone: Vec<String> = roles
            .iter()
            .map(|role| format!("DROP ROLE {};", ident(role)))
            .collect();
        root.execute(&gone.concat())
            .await
            .expect("nothing hangs on them any more");
    }
    store.destroy(Keep::default()).await;
}
