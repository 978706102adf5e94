//! The server's catalogs as [`Live`]: one read-only transaction, nothing changed.
//!
//! Owns the questions about the store itself; accounts and rights are asked in `accounts`. Every
//! question is bounded by the store's database or by its names. Beyond the contract's words,
//! [`Live::routines`] also holds the store's events and views (`event x`, `view x`), whose text
//! decides about append-only tables.

use freehold_engine::{ForeignKey, Live, Mark, Result, Routine, Rows, Table, Value, Want};
use freehold_sql::{Dialect, fingerprint};

use freehold_model::Isolation;

use crate::wire::Wire;
use crate::{accounts, ledger};

/// Under which name [`Live::facts`] says what this login could not read.
pub(crate) const UNREADABLE: &str = "unreadable";

/// Under which name [`Live::facts`] says whose mark the ledger table carries.
pub(crate) const LEDGER_MARK: &str = "ledger_mark";

/// Reads the store's state.
pub(crate) async fn inspect(
    wire: &mut Wire,
    want: &Want,
    mysql: bool,
    accounts_host: &str,
) -> Result<Live> {
    let mut live = Live::default();
    let database = want.spot.database.as_str();
    let found = wire.query_with(schemata(mysql), &[database.into()]).await?;
    if let Some(comment) = found.first().map(|row| text(row, 0)) {
        live.looked_inside = true;
        tables(wire, want, &mut live).await?;
        foreign_keys(wire, want, &mut live).await?;
        routines(wire, want, &mut live).await?;
        live.facts.insert("comment".to_owned(), comment);
    }
    accounts::read(wire, want, mysql, accounts_host, &mut live).await?;
    live.database = live
        .looked_inside
        .then(|| database_mark(want, mysql, &live));
    Ok(live)
}

fn schemata(mysql: bool) -> &'static str {
    if mysql {
        "SELECT '' FROM information_schema.schemata WHERE schema_name = ?"
    } else {
        "SELECT schema_comment FROM information_schema.schemata WHERE schema_name = ?"
    }
}

/// `MariaDB` keeps the mark on the database. `MySQL` has no place for it there: it is on the
/// ledger table, and until that is made, on the owner account, which is made before the database.
fn database_mark(want: &Want, mysql: bool, live: &Live) -> Mark {
    let mark = want.mark();
    let on_ledger = live.facts.get(LEDGER_MARK);
    let foreign = |found: &str| {
        Mark::Foreign(if found.is_empty() {
            "no mark".to_owned()
        } else {
            found.to_owned()
        })
    };
    if want.isolation == Isolation::Tables {
        return on_ledger
            .filter(|found| **found != mark)
            .map_or(Mark::Ours, |found| foreign(found));
    }
    let on_database = live.facts.get("comment").map_or("", String::as_str);
    let owner_is_ours = live
        .roles
        .get(&want.identities.owner)
        .is_some_and(|owner| owner.mark == Mark::Ours);
    match on_ledger {
        _ if on_database == mark => Mark::Ours,
        Some(found) if *found == mark => Mark::Ours,
        None if mysql && owner_is_ours && live.tables.is_empty() => Mark::Ours,
        found => foreign(found.map_or(on_database, String::as_str)),
    }
}

async fn tables(wire: &mut Wire, want: &Want, live: &mut Live) -> Result<()> {
    let scope = scope(want);
    let sql = "SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = ? AND table_name LIKE ?";
    for row in wire.query_with(sql, &scope).await? {
        let name = text(&row, 0);
        match text(&row, 1).as_str() {
            "SEQUENCE" => drop(live.sequences.insert(name, None)),
            kind => drop(live.tables.insert(
                name,
                Table {
                    view: kind.contains("VIEW"),
                    ..Table::default()
                },
            )),
        }
    }
    let sql = "SELECT table_name, column_name, extra FROM information_schema.columns \
         WHERE table_schema = ? AND table_name LIKE ? ORDER BY table_name, ordinal_position";
    for row in wire.query_with(sql, &scope).await? {
        let Some(table) = live.tables.get_mut(&text(&row, 0)) else {
            continue;
        };
        let extra = text(&row, 2).to_uppercase();
        if ["AUTO_INCREMENT", "VIRTUAL GENERATED", "STORED GENERATED"]
            .iter()
            .any(|kind| extra.contains(kind))
        {
            table.filled_by_server.insert(text(&row, 1));
        }
        table.columns.push(text(&row, 1));
    }
    if live.has_table(&want.spot.own("ledger")) {
        let sql = "SELECT table_comment FROM information_schema.tables WHERE table_schema = ? AND table_name = ?";
        let args = [
            want.spot.database.as_str().into(),
            want.spot.own("ledger").into(),
        ];
        let comment = wire.query_with(sql, &args).await?;
        live.facts.insert(
            LEDGER_MARK.to_owned(),
            comment.first().map_or(String::new(), |row| text(row, 0)),
        );
    }
    Ok(())
}

async fn foreign_keys(wire: &mut Wire, want: &Want, live: &mut Live) -> Result<()> {
    let sql = "SELECT constraint_name, table_name, unique_constraint_schema, referenced_table_name, delete_rule, update_rule \
         FROM information_schema.referential_constraints WHERE constraint_schema = ? AND table_name LIKE ?";
    for row in wire.query_with(sql, &scope(want)).await? {
        let (schema, table) = (text(&row, 2), text(&row, 3));
        live.foreign_keys.insert(ForeignKey {
            name: text(&row, 0),
            table: text(&row, 1),
            references: if schema == want.spot.database {
                table
            } else {
                format!("{schema}.{table}")
            },
            on_delete: text(&row, 4),
            on_update: text(&row, 5),
        });
    }
    Ok(())
}

async fn routines(wire: &mut Wire, want: &Want, live: &mut Live) -> Result<()> {
    let questions = [
        "SELECT LOWER(routine_type), routine_name, definer, security_type, routine_definition \
           FROM information_schema.routines WHERE routine_schema = ? AND routine_name LIKE ?",
        "SELECT 'trigger', trigger_name, definer, 'DEFINER', action_statement \
           FROM information_schema.triggers WHERE event_object_schema = ? AND event_object_table LIKE ?",
        "SELECT 'event', event_name, definer, 'DEFINER', event_definition \
           FROM information_schema.events WHERE event_schema = ? AND event_name LIKE ?",
        "SELECT 'view', table_name, definer, security_type, view_definition \
           FROM information_schema.views WHERE table_schema = ? AND table_name LIKE ?",
    ];
    for sql in questions {
        for row in wire.query_with(sql, &scope(want)).await? {
            let (kind, name, body) = (text(&row, 0), text(&row, 1), text(&row, 4));
            if kind == "view"
                && let Some(view) = live.tables.get_mut(&name)
            {
                view.owner = text(&row, 2);
            }
            let routine = Routine {
                owner: text(&row, 2),
                definer: text(&row, 3) == "DEFINER",
                fingerprint: fingerprint(Dialect::Mysql, &body).as_str().to_owned(),
                body,
                kind,
            };
            live.routines
                .insert(format!("{} {name}", routine.kind), routine);
        }
    }
    Ok(())
}

/// The database, and a pattern for the names in it that are the store's.
fn scope(want: &Want) -> [Value; 2] {
    [
        want.spot.database.as_str().into(),
        Value::Text(format!("{}%", crate::names::pattern(&want.spot.prefix))),
    ]
}

/// The accounts that the ledger names as made by freehold, as `user@host`.
pub(crate) async fn made_accounts(wire: &mut Wire, want: &Want, live: &Live) -> Result<Rows> {
    if live.facts.get(LEDGER_MARK) != Some(&want.mark()) {
        return Ok(Rows::new());
    }
    wire.query(&ledger::read_identities(want)).await
}

/// A value as text, whatever character set the catalog gives it.
pub(crate) fn text(row: &[Value], at: usize) -> String {
    match row.get(at) {
        Some(Value::Text(text)) => text.clone(),
        Some(Value::Bytes(bytes)) => String::from_utf8_lossy(bytes).into_owned(),
        Some(Value::I64(number)) => number.to_string(),
        _ => String::new(),
    }
}
