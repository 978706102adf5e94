//! The diff over hand-made states.

use std::collections::{BTreeMap, BTreeSet};

use freehold_engine::{AccessWant, Flavour, ForeignKey, Keep, LEDGER_FORMAT, Spot, Table};
use freehold_model::{AppIdentity, Identities, Isolation, Right};

use super::*;
use crate::drop::drop_steps;

fn want() -> Want {
    Want {
        system: "bookvault".to_owned(),
        service: "orders".to_owned(),
        store: "main".to_owned(),
        isolation: Isolation::Database,
        spot: Spot {
            database: "data/orders".to_owned(),
            schema: String::new(),
            prefix: String::new(),
        },
        identities: Identities {
            owner: "orders_owner".to_owned(),
            app: AppIdentity {
                role: "orders_app".to_owned(),
                logins: ["orders_app_1".to_owned(), "orders_app_2".to_owned()],
            },
            sidecar: "orders_sidecar".to_owned(),
            backup: "orders_backup".to_owned(),
            migrator: "orders_migrator".to_owned(),
            issuer: "orders_issuer".to_owned(),
        },
        append_only: BTreeSet::from(["order_items".to_owned()]),
        extensions: Vec::new(),
        access: Vec::new(),
        prune: true,
        require_tls: false,
        server_wide: false,
        plane: freehold_engine::Plane::default(),
    }
}

fn probe(rights: &[&str]) -> Probe {
    Probe {
        product: "SQLite",
        version: "3.54.1".to_owned(),
        version_num: 35_401,
        flavour: Flavour::Vanilla,
        user: String::new(),
        rights: rights.iter().map(|right| (*right).to_owned()).collect(),
        settings: BTreeMap::new(),
        tls: false,
    }
}

/// A store in step, with `order_items` written as the catalog may have it.
fn in_step(want: &Want, table: &str) -> Live {
    let mut live = Live {
        database: Some(Mark::Ours),
        looked_inside: true,
        ledger_format: Some(LEDGER_FORMAT),
        ..Live::default()
    };
    for name in ["freehold_ledger", "freehold_mark", "orders", table] {
        live.tables.insert(name.to_owned(), Table::default());
    }
    for guard in guards(want, &live).expect("quoted") {
        let routine = Routine {
            kind: "trigger".to_owned(),
            owner: String::new(),
            definer: false,
            fingerprint: fingerprint(Dialect::Sqlite, &guard.sql).to_string(),
            body: guard.sql,
        };
        live.routines.insert(guard.name, routine);
    }
    live
}

fn shown(diff: &Diff) -> String {
    let mut lines = Vec::new();
    for step in &diff.steps {
        lines.push(format!(
            "{:?} {:?} {} @{:?}: {}",
            step.change, step.subject, step.name, step.at, step.note
        ));
        lines.extend(step.sql.iter().map(|sql| format!("    {}", sql.shown())));
    }
    lines.extend(diff.refused.iter().map(|fault| format!("refused {fault}")));
    lines.join("\n")
}

#[test]
fn a_store_that_is_not_there() {
    let diff = diff(&probe(&[MAKE]), &want(), &Live::default());
    insta::assert_snapshot!(shown(&diff), @r"
    Add Database orders @Store: a file of its own for this user only: data/orders/store.db
        CREATE TABLE IF NOT EXISTS freehold_mark (mark TEXT NOT NULL PRIMARY KEY, owner_at_work INTEGER NOT NULL DEFAULT 0) STRICT
        INSERT OR IGNORE INTO freehold_mark (mark) VALUES ('freehold:bookvault/orders/main')
    Add Ledger freehold_ledger @Store: says what was applied
        CREATE TABLE IF NOT EXISTS freehold_ledger (kind TEXT NOT NULL, id TEXT NOT NULL, checksum TEXT NOT NULL, down_checksum TEXT, state TEXT NOT NULL, progress INTEGER NOT NULL, total INTEGER NOT NULL, detail TEXT NOT NULL, at TEXT NOT NULL, upto INTEGER, PRIMARY KEY (kind, id)) STRICT, WITHOUT ROWID
        INSERT INTO freehold_ledger (kind, id, checksum, state, progress, total, detail, at) VALUES ('format', 'ledger', '2', 'done', 0, 0, '', strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) ON CONFLICT (kind, id) DO UPDATE SET checksum = excluded.checksum, at = excluded.at
    ");
}

#[test]
fn a_store_in_step_needs_nothing_whatever_case_its_tables_have() {
    for table in ["order_items", "Order_Items"] {
        let diff = diff(&probe(&[]), &want(), &in_step(&want(), table));
        assert_eq!(shown(&diff), "");
        let codes: Vec<_> = diff.advisory.iter().map(|fault| fault.code).collect();
        assert_eq!(codes, ["FH3106", "FH3130"]);
    }
}

#[test]
fn what_cannot_begin_is_refused() {
    let foreign = Live {
        database: Some(Mark::Foreign(
            "a SQLite database that freehold did not make".to_owned(),
        )),
        ..Live::default()
    };
    let closed = Live {
        database: Some(Mark::Ours),
        ..Live::default()
    };
    let refused = [
        diff(&probe(&[]), &want(), &Live::default()),
        diff(&probe(&[MAKE]), &want(), &foreign),
        diff(&probe(&[MAKE]), &want(), &closed),
    ];
    insta::assert_snapshot!(refused.iter().map(shown).collect::<Vec<_>>().join("\n"), @r"
    refused FH3102: orders: this user may not make data/orders
    refused FH3101: orders: data/orders is a SQLite database that freehold did not make
    refused FH3132: orders: freehold made data/orders/store.db, and it cannot be opened
    ");
}

#[test]
fn triggers_come_change_and_go() {
    let mut live = in_step(&want(), "order_items");
    live.routines
        .remove("freehold_append_only_order_items_update");
    if let Some(routine) = live
        .routines
        .get_mut("freehold_append_only_order_items_delete")
    {
        "edited by hand".clone_into(&mut routine.fingerprint);
    }
    insta::assert_snapshot!(shown(&diff(&probe(&[]), &want(), &live)), @r#"
    Change Grant order_items @Store: append-only: triggers stop UPDATE and DELETE
        DROP TRIGGER IF EXISTS "freehold_append_only_order_items_update"
        CREATE TRIGGER "freehold_append_only_order_items_update" BEFORE UPDATE ON "order_items" WHEN NOT coalesce((SELECT max(owner_at_work) FROM freehold_mark), 0) BEGIN SELECT RAISE(ABORT, 'FH3130: order_items is append-only: UPDATE is not for programs'); END
        DROP TRIGGER IF EXISTS "freehold_append_only_order_items_delete"
        CREATE TRIGGER "freehold_append_only_order_items_delete" BEFORE DELETE ON "order_items" WHEN NOT coalesce((SELECT max(owner_at_work) FROM freehold_mark), 0) BEGIN SELECT RAISE(ABORT, 'FH3130: order_items is append-only: DELETE is not for programs'); END
    "#);
    let live = in_step(&want(), "order_items");
    let want = Want {
        append_only: BTreeSet::new(),
        ..want()
    };
    insta::assert_snapshot!(shown(&diff(&probe(&[]), &want, &live)), @r#"
    Remove Grant freehold_append_only_order_items_delete @Store: its table is not append-only any more
        DROP TRIGGER IF EXISTS "freehold_append_only_order_items_delete"
    Remove Grant freehold_append_only_order_items_update @Store: its table is not append-only any more
        DROP TRIGGER IF EXISTS "freehold_append_only_order_items_update"
    "#);
}

#[test]
fn drift_of_modes_ledger_and_sign() {
    let mut live = in_step(&want(), "order_items");
    live.tables.remove("freehold_ledger");
    live.ledger_format = None;
    live.facts
        .insert(fact::OPEN.to_owned(), "store.db 0644".to_owned());
    live.facts
        .insert(fact::OWNER_AT_WORK.to_owned(), "yes".to_owned());
    let found = diff(&probe(&[]), &want(), &live);
    let heads: Vec<_> = found
        .steps
        .iter()
        .map(|step| format!("{:?} {:?} {}", step.change, step.subject, step.name))
        .collect();
    assert_eq!(
        heads,
        [
            "Add Ledger freehold_ledger",
            "Change Access orders",
            "Change Access freehold_mark"
        ]
    );
    let kept = diff(
        &probe(&[]),
        &Want {
            prune: false,
            ..want()
        },
        &live,
    );
    assert!(
        kept.advisory.iter().any(|fault| fault.code == "FH3133"),
        "{:?}",
        kept.advisory
    );
    assert!(!kept.steps.iter().any(|step| step.name == "orders"));
}

#[test]
fn a_foreign_key_that_would_rewrite_append_only_rows_is_refused() {
    let mut live = in_step(&want(), "order_items");
    let key = |on_delete: &str, on_update: &str| ForeignKey {
        name: "order_items_fk0".to_owned(),
        table: "order_items".to_owned(),
        references: "orders".to_owned(),
        on_delete: on_delete.to_owned(),
        on_update: on_update.to_owned(),
    };
    for (on_delete, on_update, refused) in [
        ("NO ACTION", "RESTRICT", false),
        ("CASCADE", "NO ACTION", true),
        ("SET NULL", "NO ACTION", true),
        ("NO ACTION", "CASCADE", true),
    ] {
        live.foreign_keys = BTreeSet::from([key(on_delete, on_update)]);
        let codes: Vec<_> = diff(&probe(&[]), &want(), &live)
            .refused
            .iter()
            .map(|fault| fault.code)
            .collect();
        assert_eq!(
            codes.contains(&"FH3104"),
            refused,
            "{on_delete} {on_update}"
        );
    }
}

#[test]
fn what_sqlite_cannot_do_is_said() {
    let want = Want {
        access: vec![AccessWant {
            who: "dba_team".to_owned(),
            right: Right::Read,
        }],
        extensions: vec!["pg_trgm".to_owned()],
        ..want()
    };
    let codes: Vec<_> = diff(&probe(&[MAKE]), &want, &Live::default())
        .advisory
        .iter()
        .map(|fault| fault.code)
        .collect();
    assert_eq!(codes, ["FH3106", "FH3130", "FH3131", "FH3108"]);
}

#[test]
fn removal_keeps_what_is_not_ours_and_what_is_asked_for() {
    let steps = |live: &Live, keep: Keep| drop_steps(&want(), live, keep);
    let ours = in_step(&want(), "order_items");
    let gone = steps(&ours, Keep::default());
    assert_eq!(gone.steps.len(), 1);
    assert_eq!(
        gone.steps[0].note,
        "data/orders/store.db with everything in it"
    );
    assert_eq!(
        steps(
            &ours,
            Keep {
                data: true,
                credentials: false
            }
        )
        .steps,
        []
    );
    assert_eq!(
        steps(
            &ours,
            Keep {
                data: false,
                credentials: true
            }
        )
        .steps
        .len(),
        1
    );
    assert_eq!(steps(&Live::default(), Keep::default()).steps, []);
    let foreign = Live {
        database: Some(Mark::Foreign("a file".to_owned())),
        ..Live::default()
    };
    let refused = steps(&foreign, Keep::default());
    assert!(refused.steps.is_empty() && refused.refused[0].code == "FH3101");
    let mut leftover = Live::default();
    leftover
        .facts
        .insert(fact::LEFTOVER.to_owned(), "yes".to_owned());
    assert_eq!(steps(&leftover, Keep::default()).steps.len(), 1);
}
