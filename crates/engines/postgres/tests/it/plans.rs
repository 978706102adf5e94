//! What a person reads in a plan, and the statements behind it, on states made by hand: no server.

use std::collections::{BTreeMap, BTreeSet};

use freehold_engine::{
    AccessWant, At, Change, Diff, Engine as _, Flavour, ForeignKey, Grant, Keep, Live, Mark,
    Object, Probe, Role, Spot, Step, Table, Want,
};
use freehold_model::{AppIdentity, Identities, Isolation, Right};
use freehold_postgres::Postgres;

fn probe(version_num: u32, rights: &[&str]) -> Probe {
    Probe {
        product: "PostgreSQL",
        version: format!("{}.{}", version_num / 10_000, version_num % 10_000),
        version_num,
        flavour: Flavour::Vanilla,
        user: "adm".into(),
        rights: rights.iter().map(|right| (*right).to_owned()).collect(),
        settings: BTreeMap::new(),
        tls: false,
    }
}

fn plain(version_num: u32) -> Probe {
    probe(version_num, &["createdb", "createrole"])
}

fn want(isolation: Isolation) -> Want {
    let spot = match isolation {
        Isolation::Schema => Spot {
            database: "shared".into(),
            schema: "orders".into(),
            prefix: String::new(),
        },
        _ => Spot {
            database: "orders".into(),
            schema: "public".into(),
            prefix: String::new(),
        },
    };
    Want {
        system: "bookvault".into(),
        service: "orders".into(),
        store: "main".into(),
        isolation,
        spot,
        identities: Identities {
            owner: "orders_owner".into(),
            app: AppIdentity {
                role: "orders_app".into(),
                logins: ["orders_app_1".into(), "orders_app_2".into()],
            },
            sidecar: "orders_sidecar".into(),
            backup: "orders_backup".into(),
            migrator: "orders_migrator".into(),
            issuer: "orders_issuer".into(),
        },
        append_only: BTreeSet::from(["order_items".into()]),
        extensions: Vec::new(),
        access: Vec::new(),
        prune: true,
        require_tls: false,
        server_wide: false,
        plane: freehold_engine::Plane::default(),
    }
}

fn role(can_login: bool, attributes: &[&str]) -> Role {
    Role {
        mark: Mark::Ours,
        can_login,
        has_password: None,
        verifier: None,
        attributes: attributes.iter().map(|word| (*word).to_owned()).collect(),
        settings: BTreeSet::new(),
    }
}

/// A store that was made, as a plain administrator of 17 sees it, with two tables that the
/// migration has just made.
fn made(want: &Want) -> Live {
    let names = &want.identities;
    let mut live = Live {
        database: Some(Mark::Ours),
        schema: Some(Mark::Ours),
        looked_inside: true,
        ..Live::default()
    };
    for (name, login) in [
        (&names.owner, false),
        (&names.app.role, false),
        (&names.app.logins[0], true),
        (&names.app.logins[1], true),
        (&names.sidecar, true),
        (&names.backup, true),
    ] {
        live.roles.insert(name.clone(), role(login, &[]));
    }
    live.roles
        .insert(names.issuer.clone(), role(false, &["createrole"]));
    live.roles.insert(
        "adm".into(),
        Role {
            mark: Mark::Foreign(String::new()),
            ..role(true, &["createdb", "createrole"])
        },
    );
    let member = |member: &str, group: &str, option: &str| {
        Grant::new(member, Object::Role(group.into()), option)
    };
    for name in live.roles.keys().filter(|name| *name != "adm") {
        live.grants.insert(member("adm", name, "ADMIN"));
    }
    live.grants.insert(member("adm", &names.owner, "SET"));
    for login in want.logins() {
        live.grants.insert(member(&names.issuer, login, "ADMIN"));
    }
    for login in &names.app.logins {
        live.grants
            .insert(member(login, &names.app.role, "INHERIT"));
    }
    let on = |on: Object, rights: &[(&str, &str)]| -> Vec<Grant> {
        rights
            .iter()
            .map(|(who, right)| Grant::new(who, on.clone(), right))
            .collect()
    };
    let (app, sidecar, backup) = ("orders_app", "orders_sidecar", "orders_backup");
    live.grants.extend(on(
        Object::Database("orders".into()),
        &[
            ("adm", "CONNECT"),
            (app, "CONNECT"),
            (sidecar, "CONNECT"),
            (backup, "CONNECT"),
        ],
    ));
    live.grants.extend(on(
        Object::Schema("public".into()),
        &[(app, "USAGE"), (sidecar, "USAGE"), (backup, "USAGE")],
    ));
    live.grants.extend(on(
        Object::Table("freehold_ledger".into()),
        &[(sidecar, "SELECT"), (backup, "SELECT")],
    ));
    let table = |columns: &[&str], filled: &[&str]| Table {
        owner: names.owner.clone(),
        columns: columns.iter().map(|name| (*name).to_owned()).collect(),
        filled_by_server: filled.iter().map(|name| (*name).to_owned()).collect(),
        view: false,
    };
    live.tables
        .insert("freehold_ledger".into(), table(&["kind", "id"], &[]));
    live.ledger_format = Some(freehold_engine::LEDGER_FORMAT);
    live.tables.insert(
        "orders".into(),
        table(&["order_id", "status"], &["order_id"]),
    );
    live.tables.insert(
        "order_items".into(),
        table(
            &["order_item_id", "order_id", "quantity"],
            &["order_item_id"],
        ),
    );
    for (fact, value) in [
        ("DatabaseOpen", "yes"),
        ("DatabaseMarked", "yes"),
        ("SchemaOwner public", "pg_database_owner"),
        ("SchemaMayGrant public", "yes"),
    ] {
        live.facts.insert(fact.into(), value.into());
    }
    live
}

fn shown(diff: &Diff) -> String {
    let mut lines = vec![steps(&diff.steps)];
    for (word, faults) in [("refused", &diff.refused), ("note", &diff.advisory)] {
        for fault in faults {
            lines.push(format!("{word} {fault}\n"));
            lines.extend(fault.help.iter().map(|line| format!("    {line}\n")));
        }
    }
    lines.concat()
}

fn steps(steps: &[Step]) -> String {
    let mut lines = Vec::new();
    for step in steps {
        let sign = match step.change {
            Change::Add => '+',
            Change::Change => '~',
            Change::Remove => '-',
        };
        let place = if step.at == At::Server {
            "server"
        } else {
            "store"
        };
        let how = if step.atomic { "" } else { ", one by one" };
        let subject = format!("{:?}", step.subject).to_lowercase();
        lines.push(format!(
            "{sign} {subject:<10} {:<24} {}   [{place}{how}]\n",
            step.name, step.note
        ));
        let sql = step
            .sql
            .iter()
            .map(|sql| sql.shown().replace('\n', "\n    "));
        lines.extend(sql.map(|sql| format!("    {sql}\n")));
    }
    lines.concat()
}

/// The plan without the issuer's function, which is shown once.
fn brief(mut diff: Diff) -> String {
    diff.steps.retain(|step| step.name != "freehold_issue");
    diff.advisory.clear();
    shown(&diff)
}

#[test]
fn a_new_database_by_a_plain_administrator_of_17() {
    let want = want(Isolation::Database);
    insta::assert_snapshot!(shown(&Postgres.diff(
        &plain(170_010),
        &want,
        &Live::default()
    )));
}

#[test]
fn a_new_database_by_a_superuser_of_15() {
    let want = want(Isolation::Database);
    insta::assert_snapshot!(brief(Postgres.diff(
        &probe(150_018, &["superuser", "createdb", "createrole"]),
        &want,
        &Live::default()
    )));
}

#[test]
fn a_new_schema_by_a_plain_administrator_of_15() {
    let want = want(Isolation::Schema);
    let mut live = Live {
        database: Some(Mark::Ours),
        looked_inside: true,
        ..Live::default()
    };
    for (fact, value) in [
        ("DatabaseOpen", "yes"),
        ("DatabasePublic", "yes"),
        ("DatabasePublicTemp", "yes"),
        ("MayCreate", "yes"),
    ] {
        live.facts.insert(fact.into(), value.into());
    }
    insta::assert_snapshot!(brief(Postgres.diff(&plain(150_018), &want, &live)));
}

#[test]
fn the_first_tables_and_somebody_with_access() {
    let mut want = want(Isolation::Database);
    want.access = vec![AccessWant {
        who: "reporting".into(),
        right: Right::Read,
    }];
    let mut live = made(&want);
    live.roles.insert(
        "reporting".into(),
        Role {
            mark: Mark::Foreign(String::new()),
            ..role(true, &[])
        },
    );
    insta::assert_snapshot!(brief(Postgres.diff(&plain(170_010), &want, &live)));
}

#[test]
fn what_somebody_changed_by_hand() {
    let want = want(Isolation::Database);
    let mut live = made(&want);
    let table = |name: &str| Object::Table(name.into());
    live.grants.extend([
        Grant::new("PUBLIC", Object::Database("orders".into()), "CONNECT"),
        Grant::new("orders_app", table("order_items"), "UPDATE"),
        Grant {
            grantable: true,
            ..Grant::new("orders_app", table("orders"), "SELECT")
        },
        Grant::new("bob", table("orders"), "SELECT"),
        Grant::new("bob", Object::Role("orders_app".into()), "INHERIT"),
        Grant::new(
            "orders_app",
            Object::Role("pg_read_all_data".into()),
            "INHERIT",
        ),
        Grant::new("PUBLIC", Object::Default("TABLES".into()), "SELECT"),
    ]);
    live.facts
        .insert("Grantor bob/orders_app".into(), "adm".into());
    live.facts.insert(
        "Grantor orders_app/pg_read_all_data".into(),
        "postgres".into(),
    );
    if let Some(role) = live.roles.get_mut("orders_app_1") {
        role.attributes.insert("superuser".into());
        role.settings.insert("*:search_path=evil".into());
    }
    insta::assert_snapshot!(shown(&Postgres.diff(&plain(170_010), &want, &live)));
    // Without prune only the additions are left, and the rest is shown.
    let kept = Want {
        prune: false,
        ..want
    };
    insta::assert_snapshot!(shown(&Postgres.diff(&plain(170_010), &kept, &live)));
}

#[test]
fn a_hole_and_a_name_that_is_taken() {
    let want = want(Isolation::Database);
    let mut live = made(&want);
    live.foreign_keys.insert(ForeignKey {
        name: "order_items_order_id_fkey".into(),
        table: "order_items".into(),
        references: "orders".into(),
        on_delete: "CASCADE".into(),
        on_update: "NO ACTION".into(),
    });
    let holed = Postgres.diff(&plain(170_010), &want, &live).refused;
    live.database = Some(Mark::Foreign("owned by legacy".into()));
    live.roles.insert(
        "orders_app".into(),
        Role {
            mark: Mark::Foreign("freehold:other/orders/main".into()),
            ..role(false, &[])
        },
    );
    let mut taken = Postgres.diff(&plain(170_010), &want, &live);
    assert!(taken.steps.is_empty() && taken.advisory.is_empty());
    taken.refused.extend(holed);
    insta::assert_snapshot!(shown(&taken));
}

#[test]
fn the_migrator_comes_and_goes() {
    let migrator = Postgres.migrator(&plain(170_010), &want(Isolation::Schema));
    insta::assert_snapshot!(format!(
        "{}\n{}",
        steps(&migrator.open),
        steps(&migrator.close)
    ));
}

#[test]
fn everything_goes_or_all_but_the_data() {
    let want = want(Isolation::Database);
    let live = made(&want);
    let all = Postgres.drop_steps(&plain(170_010), &want, &live, Keep::default());
    let data = Postgres.drop_steps(
        &plain(170_010),
        &want,
        &live,
        Keep {
            data: true,
            credentials: false,
        },
    );
    insta::assert_snapshot!(format!(
        "{}\n--keep data\n{}",
        steps(&all.steps),
        steps(&data.steps)
    ));
}
