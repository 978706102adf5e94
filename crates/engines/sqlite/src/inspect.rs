//! What a store is: from its file's header outside, from its catalog inside.

use std::collections::BTreeMap;
use std::path::Path;

use freehold_engine::{ForeignKey, Live, Mark, Result, Routine, Rows, Table, Value, Want};
use freehold_sql::{Dialect, fingerprint};

use crate::files::{self, Found, STORE};
use crate::session::Session;

/// Facts that `diff` and `drop` decide on.
pub(crate) mod fact {
    /// A run that was cut off left files here.
    pub(crate) const LEFTOVER: &str = "leftover";
    /// Files that other users may touch, with their modes, as one text.
    pub(crate) const OPEN: &str = "open to others";
    /// Files in the store's folder that are not of the store.
    pub(crate) const OTHERS: &str = "other files";
    /// The owner's sign stands in the committed mark, where nobody should ever see it.
    pub(crate) const OWNER_AT_WORK: &str = "owner at work";
}

/// Looks from outside; opens nothing.
pub(crate) fn outside(want: &Want) -> Result<Live> {
    let folder = Path::new(&want.spot.database);
    let mut live = Live::default();
    match files::look(folder)? {
        Found::Nothing => {}
        Found::Leftover => {
            live.facts
                .insert(fact::LEFTOVER.to_owned(), "yes".to_owned());
        }
        Found::Foreign(what) => live.database = Some(Mark::Foreign(what)),
        Found::Made => {
            live.database = Some(Mark::Ours);
            let open = files::open_to_others(folder)?;
            if !open.is_empty() {
                live.facts
                    .insert(fact::OPEN.to_owned(), open_to_others(&open));
            }
            let others = files::others(folder)?;
            if !others.is_empty() {
                live.facts
                    .insert(fact::OTHERS.to_owned(), others.join(", "));
            }
        }
    }
    Ok(live)
}

/// Looks inside, on top of what was seen outside. `masked`: the owner's sign is this very transaction's.
pub(crate) fn inside(session: &Session, want: &Want, mut live: Live, masked: bool) -> Result<Live> {
    let objects = session.query(
        "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name",
        &[],
    )?;
    let objects: Vec<Object<'_>> = objects.iter().filter_map(|row| Object::read(row)).collect();
    match whose(session, want, &objects, masked, &mut live)? {
        Some(Mark::Ours) => {}
        other => {
            if other.is_none() {
                live.facts
                    .insert(fact::LEFTOVER.to_owned(), "yes".to_owned());
            }
            live.database = other;
            return Ok(live);
        }
    }
    live.looked_inside = true;
    live.tables = tables(session, &objects)?;
    if live.has_table(&want.spot.own("ledger")) {
        let format = session.query(&crate::ledger::read_format(&want.spot), &[])?;
        let format = format
            .first()
            .and_then(|row| row.first()?.text()?.parse().ok());
        live.ledger_format = Some(format.unwrap_or(1));
    }
    live.foreign_keys = foreign_keys(&session.query(
        "SELECT m.name, f.id, f.\"table\", f.on_delete, f.on_update FROM sqlite_schema m \
         JOIN pragma_foreign_key_list(m.name) f WHERE m.type = 'table' AND f.seq = 0",
        &[],
    )?);
    for object in objects.iter().filter(|object| object.kind == "trigger") {
        let routine = Routine {
            kind: "trigger".to_owned(),
            owner: String::new(),
            definer: false,
            fingerprint: fingerprint(Dialect::Sqlite, object.sql).to_string(),
            body: object.sql.to_owned(),
        };
        live.routines.insert(object.name.to_owned(), routine);
    }
    Ok(live)
}

/// A row of the catalog that has a definition (indexes that SQLite makes for itself have none).
struct Object<'a> {
    kind: &'a str,
    name: &'a str,
    sql: &'a str,
}

impl<'a> Object<'a> {
    fn read(row: &'a [Value]) -> Option<Self> {
        let [kind, name, _, sql] = row else {
            return None;
        };
        let name = name.text().filter(|name| !name.starts_with("sqlite_"))?;
        Some(Self {
            kind: kind.text()?,
            name,
            sql: sql.text()?,
        })
    }
}

/// `None`: freehold made the file and was cut off before it wrote whose it is.
fn whose(
    session: &Session,
    want: &Want,
    objects: &[Object<'_>],
    masked: bool,
    live: &mut Live,
) -> Result<Option<Mark>> {
    if !objects.iter().any(|object| object.name == "freehold_mark") {
        let foreign = "a store that freehold made, without the mark that says for whom";
        return Ok((!objects.is_empty()).then(|| Mark::Foreign(foreign.to_owned())));
    }
    let rows = session.query("SELECT mark, owner_at_work FROM freehold_mark", &[])?;
    if !masked
        && rows
            .iter()
            .any(|row| row.get(1).and_then(Value::truth) == Some(true))
    {
        live.facts
            .insert(fact::OWNER_AT_WORK.to_owned(), "yes".to_owned());
    }
    let marks: Vec<&str> = rows.iter().filter_map(|row| row.first()?.text()).collect();
    Ok(Some(match marks[..] {
        [mark] if mark == want.mark() => Mark::Ours,
        [] => Mark::Foreign(
            "a store that freehold made, without the mark that says for whom".to_owned(),
        ),
        _ => Mark::Foreign(format!("the store of {}", marks.join(", "))),
    }))
}

fn tables(session: &Session, objects: &[Object<'_>]) -> Result<BTreeMap<String, Table>> {
    let mut tables = BTreeMap::new();
    for object in objects
        .iter()
        .filter(|object| matches!(object.kind, "table" | "view"))
    {
        tables.insert(
            object.name.to_owned(),
            Table {
                view: object.kind == "view",
                ..Table::default()
            },
        );
    }
    // Views are left out: one whose table is gone would fail the query for all.
    let columns = session.query(
        "SELECT m.name, x.name, x.hidden, x.pk = 1 AND upper(x.type) = 'INTEGER' \
         AND (SELECT max(pk) FROM pragma_table_xinfo(m.name)) = 1 \
         AND (SELECT wr FROM pragma_table_list(m.name) WHERE schema = 'main') = 0 \
         FROM sqlite_schema m JOIN pragma_table_xinfo(m.name) x \
         WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY m.name, x.cid",
        &[],
    )?;
    for row in &columns {
        let [table, column, hidden, is_rowid] = &row[..] else {
            continue;
        };
        let (Some(table), Some(column)) = (
            table.text().and_then(|name| tables.get_mut(name)),
            column.text(),
        ) else {
            continue;
        };
        // 1 is a virtual table's hidden column; 2 and 3 are generated ones.
        let hidden = hidden.int().unwrap_or_default();
        if hidden != 1 {
            table.columns.push(column.to_owned());
        }
        if hidden > 1 || is_rowid.truth() == Some(true) {
            table.filled_by_server.insert(column.to_owned());
        }
    }
    Ok(tables)
}

/// SQLite keeps no names of foreign keys; they are numbered per table.
fn foreign_keys(rows: &Rows) -> std::collections::BTreeSet<ForeignKey> {
    let key = |row: &Vec<Value>| {
        let [table, id, references, on_delete, on_update] = &row[..] else {
            return None;
        };
        Some(ForeignKey {
            name: format!("{}_fk{}", table.text()?, id.int()?),
            table: table.text()?.to_owned(),
            references: references.text()?.to_owned(),
            on_delete: on_delete.text()?.to_owned(),
            on_update: on_update.text()?.to_owned(),
        })
    };
    rows.iter().filter_map(key).collect()
}

/// `its folder 0755, store.db 0644`
fn open_to_others(open: &[(String, u32)]) -> String {
    let shown = |(name, mode): &(String, u32)| {
        let name = if name.is_empty() { "its folder" } else { name };
        format!("{name} {mode:04o}")
    };
    open.iter().map(shown).collect::<Vec<_>>().join(", ")
}

/// The file of a store, for messages.
pub(crate) fn file(want: &Want) -> String {
    Path::new(&want.spot.database)
        .join(STORE)
        .display()
        .to_string()
}
