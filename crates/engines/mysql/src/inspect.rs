//! The server's catalogs as [`Live`]: one read-only transaction, nothing changed.
//!
//! Owns the questions about the store itself; accounts and rights are asked in `accounts`. Every
//! question is bounded by the store's database or by its names. Beyond the contract's words,
//! [`Live::routines`] also holds the store's events and views (`event x`, `view x`), whose text
//! decides about append-only tables.

use std::collections::BTreeSet;

use freehold_engine::{ForeignKey, Live, Mark, Result, Routine, Table, Value, Want};
use freehold_sql::{Dialect, fingerprint};

use freehold_model::Isolation;

use crate::names::{literal, pattern};
use crate::wire::Wire;
use crate::{accounts, ledger, schema};

/// Under which name [`Live::facts`] says what this login could not read.
pub(crate) const UNREADABLE: &str = "unreadable";

/// Under which name [`Live::facts`] says whose mark the ledger table carries.
pub(crate) const LEDGER_MARK: &str = "ledger_mark";

/// Under which name [`Live::facts`] has the database's comment.
const DATABASE_COMMENT: &str = "comment";

/// Reads the store's state.
pub(crate) async fn inspect(
    wire: &mut Wire,
    want: &Want,
    mysql: bool,
    accounts_host: &str,
) -> Result<Live> {
    let mut live = Live::default();
    if let Some(row) = wire.query(&schemata(want, mysql)).await?.first() {
        live.looked_inside = true;
        live.facts.insert(DATABASE_COMMENT.to_owned(), text(row, 0));
        if row.get(1).is_some_and(|comment| *comment != Value::Null) {
            live.facts.insert(LEDGER_MARK.to_owned(), text(row, 1));
        }
        tables(wire, want, &mut live).await?;
        foreign_keys(wire, want, &mut live).await?;
        routines(wire, want, &mut live).await?;
        if mysql {
            exact_bodies(wire, want, &mut live).await?;
        }
    }
    accounts::read(wire, want, mysql, accounts_host, &mut live).await?;
    live.database = live
        .looked_inside
        .then(|| database_mark(want, mysql, &live));
    Ok(live)
}

/// Is the database there, what is its comment, and that of the ledger table?
fn schemata(want: &Want, mysql: bool) -> String {
    let database = literal(&want.spot.database);
    let ledger = literal(&want.spot.own("ledger"));
    let comment = if mysql { "''" } else { "schema_comment" };
    format!(
        "SELECT {comment}, (SELECT table_comment FROM information_schema.tables \
             WHERE table_schema = {database} AND table_name = {ledger}) \
         FROM information_schema.schemata WHERE schema_name = {database}"
    )
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
    let on_database = live.facts.get(DATABASE_COMMENT).map_or("", String::as_str);
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
    let sql = format!(
        "SELECT table_name, table_type FROM information_schema.tables WHERE {}",
        scope(want, "table_schema", "table_name")
    );
    for row in wire.query(&sql).await? {
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
    let sql = format!(
        "SELECT table_name, column_name, extra FROM information_schema.columns WHERE {} ORDER BY table_name, ordinal_position",
        scope(want, "table_schema", "table_name")
    );
    for row in wire.query(&sql).await? {
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
    Ok(())
}

async fn foreign_keys(wire: &mut Wire, want: &Want, live: &mut Live) -> Result<()> {
    let sql = format!(
        "SELECT constraint_name, table_name, unique_constraint_schema, referenced_table_name, delete_rule, update_rule \
         FROM information_schema.referential_constraints WHERE {}",
        scope(want, "constraint_schema", "table_name")
    );
    for row in wire.query(&sql).await? {
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
    let sql = format!(
        "SELECT LOWER(routine_type), routine_name, definer, security_type, routine_definition \
           FROM information_schema.routines WHERE {} \
         UNION ALL SELECT 'trigger', trigger_name, definer, 'DEFINER', action_statement \
           FROM information_schema.triggers WHERE {} \
         UNION ALL SELECT 'event', event_name, definer, 'DEFINER', event_definition \
           FROM information_schema.events WHERE {} \
         UNION ALL SELECT 'view', table_name, definer, security_type, view_definition \
           FROM information_schema.views WHERE {}",
        scope(want, "routine_schema", "routine_name"),
        scope(want, "event_object_schema", "event_object_table"),
        scope(want, "event_schema", "event_name"),
        scope(want, "table_schema", "table_name"),
    );
    for row in wire.query(&sql).await? {
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
    Ok(())
}

/// `MySQL`'s `information_schema` shows texts without their escapes, so that a quote in a literal
/// seems to end it. Bodies with quotes are asked for once more, with their header.
async fn exact_bodies(wire: &mut Wire, want: &Want, live: &mut Live) -> Result<()> {
    for (key, routine) in &mut live.routines {
        let Some((kind, name)) = key
            .split_once(' ')
            .filter(|_| routine.body.contains(['\'', '"']))
        else {
            continue;
        };
        routine.body = schema::definition(wire, want, kind, name).await?;
        fingerprint(Dialect::Mysql, &routine.body)
            .as_str()
            .clone_into(&mut routine.fingerprint);
    }
    Ok(())
}

/// The condition that an object stands in the store's database, with a name that is the store's.
fn scope(want: &Want, database_column: &str, name_column: &str) -> String {
    let in_database = format!("{database_column} = {}", literal(&want.spot.database));
    if want.spot.prefix.is_empty() {
        return in_database;
    }
    format!(
        "{in_database} AND {name_column} LIKE {}",
        literal(&format!("{}%", pattern(&want.spot.prefix)))
    )
}

/// What the ledger keeps for itself: its format, and the accounts that it names as made by
/// freehold, as `user@host`.
pub(crate) async fn made_accounts(
    wire: &mut Wire,
    want: &Want,
    live: &mut Live,
) -> Result<BTreeSet<String>> {
    if !live.has_table(&want.spot.own("ledger")) {
        return Ok(BTreeSet::new());
    }
    live.ledger_format = Some(1);
    if live.facts.get(LEDGER_MARK) != Some(&want.mark()) {
        return Ok(BTreeSet::new());
    }
    let rows = wire.query(&ledger::read_identities(want)).await?;
    let (formats, made): (Vec<_>, Vec<_>) = rows.iter().partition(|row| text(row, 0) == "format");
    if let Some(format) = formats.first() {
        live.ledger_format = text(format, 2).parse().ok();
    }
    Ok(made.into_iter().map(|row| text(row, 1)).collect())
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
