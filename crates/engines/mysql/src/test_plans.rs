//! Snapshots of whole plans, statements included, over states made by hand.

use std::fmt::Write as _;

use freehold_engine::{Change, ForeignKey, Grant, Keep, Live, Mark, Object, Role, Step, Table};

use crate::diff::diff;
use crate::drop::drop_steps;
use crate::probe::is_mysql;
use crate::test_want::{orders, server};
use crate::{holes, ledger, migrator, wanted};

fn shown(steps: &[Step]) -> String {
    let mut text = String::new();
    for step in steps {
        let sign = match step.change {
            Change::Add => '+',
            Change::Change => '~',
            Change::Remove => '-',
        };
        writeln!(
            text,
            "{sign} {:?} {}  {}",
            step.subject, step.name, step.note
        )
        .unwrap();
        for sql in &step.sql {
            writeln!(text, "    {}", sql.shown().replace('\n', "\n      ")).unwrap();
        }
    }
    text
}

/// A store on which nothing is left to do but what `change` makes of it.
fn made(product: &'static str, change: impl FnOnce(&mut Live)) -> Live {
    let (want, probe) = (orders(), server(product));
    let mut live = Live {
        database: Some(Mark::Ours),
        looked_inside: true,
        ..Live::default()
    };
    live.tables
        .insert(want.spot.own("ledger"), Table::default());
    live.ledger_format = Some(freehold_engine::LEDGER_FORMAT);
    live.facts
        .insert(crate::inspect::LEDGER_MARK.to_owned(), want.mark());
    let plugin = if is_mysql(&probe) {
        "plugin=caching_sha2_password"
    } else {
        "plugin=mysql_native_password"
    };
    for name in want
        .logins()
        .into_iter()
        .chain([want.identities.owner.as_str(), &want.identities.issuer])
    {
        let role = Role {
            mark: Mark::Ours,
            can_login: false,
            has_password: Some(false),
            verifier: None,
            attributes: [plugin.to_owned()].into(),
            settings: [].into(),
        };
        live.roles.insert(name.to_owned(), role);
    }
    live.routines.insert(
        crate::issuer::key(&want),
        crate::issuer::made(&want, "127.0.0.1", is_mysql(&probe)),
    );
    live.grants = wanted::wanted(&want, &live, is_mysql(&probe), "127.0.0.1");
    change(&mut live);
    live
}

fn table(columns: &[&str], filled_by_server: &[&str]) -> Table {
    let texts = |names: &[&str]| {
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<Vec<_>>()
    };
    Table {
        columns: texts(columns),
        filled_by_server: texts(filled_by_server).into_iter().collect(),
        ..Table::default()
    }
}

fn with_tables(live: &mut Live) {
    live.tables
        .insert("orders".to_owned(), table(&["id", "note"], &["id"]));
    live.tables
        .insert("customers".to_owned(), table(&["id"], &["id"]));
    live.tables.insert(
        "order_items".to_owned(),
        table(&["id", "order_id", "price"], &["id"]),
    );
    live.tables.insert(
        "recent".to_owned(),
        Table {
            view: true,
            ..table(&["id"], &[])
        },
    );
}

#[test]
fn a_made_store_needs_nothing() {
    for product in ["MariaDB", "MySQL"] {
        let diff = diff(&server(product), &orders(), &made(product, |_| ()));
        assert_eq!((diff.steps, diff.refused), (vec![], vec![]), "{product}");
    }
}

#[test]
fn a_new_store() {
    insta::assert_snapshot!(
        "new_mariadb",
        shown(&diff(&server("MariaDB"), &orders(), &Live::default()).steps)
    );
    insta::assert_snapshot!(
        "new_mysql",
        shown(&diff(&server("MySQL"), &orders(), &Live::default()).steps)
    );
}

#[test]
fn rights_after_the_first_migration() {
    for product in ["MariaDB", "MySQL"] {
        let diff = diff(&server(product), &orders(), &made(product, with_tables));
        assert_eq!(diff.refused, []);
        insta::assert_snapshot!(
            format!("rights_{}", product.to_lowercase()),
            shown(&diff.steps)
        );
    }
}

#[test]
fn drift_is_taken_back_with_its_reason() {
    let live = made("MariaDB", |live| {
        with_tables(live);
        live.grants = wanted::wanted(&orders(), live, false, "127.0.0.1");
        for (grantee, on, privilege) in [
            (
                "orders_app_1",
                Object::Table("order_items".to_owned()),
                "DELETE",
            ),
            ("PUBLIC", Object::Database("orders".to_owned()), "SELECT"),
            ("bi@%", Object::Table("orders".to_owned()), "SELECT"),
        ] {
            live.grants.insert(Grant::new(grantee, on, privilege));
        }
        live.grants.remove(&Grant::new(
            "orders_app_2",
            Object::Table("orders".to_owned()),
            "UPDATE",
        ));
    });
    insta::assert_snapshot!(shown(&diff(&server("MariaDB"), &orders(), &live).steps));
}

#[test]
fn the_migrator_comes_and_goes() {
    for product in ["MariaDB", "MySQL"] {
        let migrator = migrator::migrator(&server(product), &orders());
        let text = format!("{}---\n{}", shown(&migrator.open), shown(&migrator.close));
        insta::assert_snapshot!(format!("migrator_{}", product.to_lowercase()), text);
    }
}

#[test]
fn a_store_goes() {
    for product in ["MariaDB", "MySQL"] {
        let live = made(product, |live| {
            with_tables(live);
            live.grants.insert(Grant::new(
                "bi@%",
                Object::Table("orders".to_owned()),
                "SELECT",
            ));
        });
        for (name, keep) in [
            ("whole", Keep::default()),
            (
                "keep_data",
                Keep {
                    data: true,
                    credentials: false,
                },
            ),
            (
                "keep_credentials",
                Keep {
                    data: false,
                    credentials: true,
                },
            ),
        ] {
            let drop = drop_steps(&server(product), &orders(), &live, keep);
            assert_eq!(drop.refused, []);
            insta::assert_snapshot!(
                format!("drop_{name}_{}", product.to_lowercase()),
                shown(&drop.steps)
            );
        }
    }
}

#[test]
fn advice_names_codes_and_statements() {
    let mut probe = server("MariaDB");
    probe.settings.insert("log_bin".to_owned(), "ON".to_owned());
    probe
        .settings
        .insert("innodb_flush_log_at_trx_commit".to_owned(), "2".to_owned());
    let live = made("MariaDB", |live| {
        with_tables(live);
        live.grants.insert(Grant::new(
            "reports@%",
            Object::Database("order%".to_owned()),
            "SELECT",
        ));
        live.grants.insert(Grant::new(
            "orders_app_1",
            Object::Role("dba@".to_owned()),
            "MEMBER",
        ));
    });
    let faults = diff(&probe, &orders(), &live).advisory;
    let text: Vec<String> = faults
        .iter()
        .map(|fault| format!("{fault}\n  {}", fault.help.join("\n  ")))
        .collect();
    insta::assert_snapshot!(text.join("\n"));
}

#[test]
fn a_cascade_into_an_append_only_table_is_a_hole() {
    let key = |action: &str| ForeignKey {
        name: "fk".to_owned(),
        table: "order_items".to_owned(),
        references: "orders".to_owned(),
        on_delete: action.to_owned(),
        on_update: "RESTRICT".to_owned(),
    };
    for (action, holes) in [
        ("CASCADE", 1),
        ("SET NULL", 1),
        ("RESTRICT", 0),
        ("NO ACTION", 0),
    ] {
        let live = made("MariaDB", |live| {
            with_tables(live);
            live.foreign_keys.insert(key(action));
        });
        assert_eq!(holes::holes(&orders(), &live).len(), holes, "{action}");
    }
}

#[test]
fn the_ledger_keeps_identities_to_itself() {
    assert!(
        ledger::ledger(&orders())
            .read
            .contains("WHERE kind NOT IN ('identity', 'format')")
    );
}
