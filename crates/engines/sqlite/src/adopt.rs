//! Taking over a file that is there, and its schema as statements.
//!
//! The file must lie where the store's file belongs (`DIR/orders/store.db`). Taking it over writes
//! freehold's id into its header and the mark's table into it; tables and rows stay as they are.

use std::path::Path;

use freehold_engine::{
    Adoption, At, Change, Dump, Error, ErrorKind, Live, Mark, Result, Step, Subject, Value, Want,
};
use freehold_model::Fault;
use freehold_sql::{Dialect, quote_ident, quote_literal};
use rusqlite::OpenFlags;

use crate::diff::store_name;
use crate::errors::from_driver;
use crate::files::{APPLICATION_ID, STORE};
use crate::ledger::mark_table;

/// The steps before the diff, and the store as it will be then.
pub(crate) fn adopt(want: &Want, live: &Live) -> Adoption {
    let mut then = live.clone();
    let steps = match &live.database {
        Some(Mark::Foreign(what)) if what.starts_with("the store of ") => {
            return Adoption {
                refused: vec![theirs(want, what)],
                ..Adoption::default()
            };
        }
        Some(Mark::Foreign(_)) => {
            then.database = Some(Mark::Ours);
            then.looked_inside = true;
            vec![mark(want)]
        }
        _ => Vec::new(),
    };
    Adoption {
        steps,
        refused: Vec::new(),
        then,
    }
}

fn theirs(want: &Want, what: &str) -> Fault {
    Fault::new(
        "FH3231",
        format!(
            "{}: {} is freehold's already: it is {what}",
            want.label(),
            want.spot.database
        ),
    )
    .help("give the store another `name:`, or describe it as the service that has it")
}

fn mark(want: &Want) -> Step {
    let mark = quote_literal(Dialect::Sqlite, &want.mark()).unwrap_or_default();
    Step::new(
        Change::Change,
        Subject::Database,
        At::Server,
        store_name(want),
        "taken over: marked as this store's",
    )
    // There is no session in which a transaction could begin; taking over makes its own.
    .not_atomic()
    .run(mark_table(&want.spot))
    .run(format!(
        "INSERT OR IGNORE INTO {} (mark) VALUES ({mark})",
        want.spot.own("mark")
    ))
}

/// Is it the step above? It is the only one that opens a file which is not freehold's.
pub(crate) fn is_mark(step: &Step) -> bool {
    step.at == At::Server && step.change == Change::Change && step.subject == Subject::Database
}

/// Writes the mark and, last, the header's id: cut off before that, the file is as foreign as it was.
pub(crate) fn take_over(folder: &Path, step: &Step) -> Result<()> {
    let mut db = open(folder, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let tx = db.transaction().map_err(from_driver)?;
    for sql in &step.sql {
        tx.execute_batch(&sql.shown()).map_err(from_driver)?;
    }
    tx.pragma_update(None, "application_id", APPLICATION_ID)
        .map_err(from_driver)?;
    tx.commit().map_err(from_driver)?;
    // The header is read without SQLite, so it has to be in the file itself.
    db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .map_err(from_driver)
}

/// What is in it, whoever made it. Opened read-only.
pub(crate) fn dump(want: &Want) -> Result<Dump> {
    let db = open(
        Path::new(&want.spot.database),
        OpenFlags::SQLITE_OPEN_READ_ONLY,
    )?;
    let mut statement = db
        .prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY CASE type WHEN 'table' THEN 0 WHEN 'index' THEN 1 WHEN 'view' THEN 2 ELSE 3 END, rowid")
        .map_err(from_driver)?;
    let rows = statement
        .query_map([], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })
        .map_err(from_driver)?
        .collect::<std::result::Result<Vec<(String, String, String, String)>, _>>()
        .map_err(from_driver)?;
    let shadows = shadow_tables(&db)?;
    let mut dump = Dump::default();
    for (kind, name, table, sql) in rows {
        let own =
            want.spot.is_own(&name) || want.spot.is_own(&table) || name.starts_with("sqlite_");
        if own || shadows.contains(&table) {
            continue;
        }
        dump.up.push(sql.trim().trim_end_matches(';').to_owned());
        if matches!(kind.as_str(), "table" | "view") {
            let name = quote_ident(Dialect::Sqlite, &name)
                .map_err(|error| Error::new(ErrorKind::Invalid, error.to_string()))?;
            dump.down
                .push(format!("DROP {} {name}", kind.to_uppercase()));
        }
    }
    dump.down.reverse();
    Ok(dump)
}

/// Tables that a virtual table makes for itself.
fn shadow_tables(db: &rusqlite::Connection) -> Result<Vec<String>> {
    let mut statement = db
        .prepare("SELECT name FROM pragma_table_list WHERE type = 'shadow' AND schema = 'main'")
        .map_err(from_driver)?;
    let names = statement
        .query_map([], |row| row.get(0))
        .map_err(from_driver)?;
    names
        .collect::<std::result::Result<_, _>>()
        .map_err(from_driver)
}

/// Rows of one query, whoever made the file. For the history tables of other tools.
pub(crate) fn query(folder: &Path, sql: &str) -> Result<Vec<Vec<Value>>> {
    let db = open(folder, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut statement = db.prepare(sql).map_err(from_driver)?;
    let width = statement.column_count();
    let mut rows = statement.query([]).map_err(from_driver)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(from_driver)? {
        let cells = (0..width).map(|at| row.get_ref(at).map(crate::session::value));
        found.push(
            cells
                .collect::<std::result::Result<_, _>>()
                .map_err(from_driver)?,
        );
    }
    Ok(found)
}

fn open(folder: &Path, flags: OpenFlags) -> Result<rusqlite::Connection> {
    let file = folder.join(STORE);
    rusqlite::Connection::open_with_flags(&file, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(from_driver)
}
