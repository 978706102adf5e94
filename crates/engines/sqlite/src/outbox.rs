//! Reading the outbox by rowid, and the relay's own file beside the store's.

use std::fs::File;
use std::path::Path;

use freehold_engine::{Error, ErrorKind, OutboxRow, Polled, Result, Value};
use md5::{Digest as _, Md5};

use crate::errors::from_io;
use crate::files::RELAY;
use crate::session::Session;

/// What is behind the cursor, which is the last id that was given out.
///
/// A program may write with `synchronous=NORMAL`, and then a commit is seen before it is on disk:
/// what was read is made durable here, before the relay records it.
pub(crate) fn poll(session: &Session, cursor: &str, page: usize) -> Result<Polled> {
    let after: i64 = match cursor {
        "" => 0,
        text => text.parse().map_err(|_| damaged(cursor))?,
    };
    let most = i64::try_from(page).unwrap_or(i64::MAX);
    let found = session.query(
        "SELECT id, replace(lower(event_id), '-', ''), topic, key, payload, headers, occurred_at
 FROM main.freehold_outbox WHERE id > ?1 ORDER BY id LIMIT ?2",
        &[Value::I64(after), Value::I64(most)],
    )?;
    let rows: Option<Vec<OutboxRow>> = found.iter().map(|row| outbox_row(row)).collect();
    let rows = rows.ok_or_else(|| {
        Error::new(
            ErrorKind::Invalid,
            "the outbox has a row that cannot be read",
        )
    })?;
    if !rows.is_empty() {
        make_durable(session.store())?;
    }
    Ok(Polled {
        cursor: rows
            .last()
            .map_or_else(|| cursor.to_owned(), |row| row.id.to_string()),
        last_page: rows.len() < page,
        rows,
    })
}

fn damaged(cursor: &str) -> Error {
    Error::new(
        ErrorKind::Invalid,
        format!("`{cursor}` is no cursor of an outbox"),
    )
}

fn outbox_row(row: &[Value]) -> Option<OutboxRow> {
    let text = |at: usize| Some(row.get(at)?.text()?.to_owned());
    let hex = row.get(1)?.text()?;
    let mut event_id = [0; 16];
    for (at, byte) in event_id.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    let key = text(3)?;
    Some(OutboxRow {
        id: row.first()?.int()?,
        event_id,
        topic: text(2)?,
        lane: lane(&key),
        key,
        payload: text(4),
        headers: text(5),
        occurred_at: row.get(6)?.int()?,
    })
}

/// MD5 of the key, the low six bits of the last byte: SQLite has no function for it.
pub(crate) fn lane(key: &str) -> u8 {
    Md5::digest(key.as_bytes())[15] & 63
}

/// Only the log: what a checkpoint moved out of it was made durable by that. A program that writes
/// with `synchronous=OFF` gave that up, for its own data as for its events. The store's own file must
/// not be opened here (`held.rs`); nothing is locked on the log.
fn make_durable(store: &Path) -> Result<()> {
    let log = store.with_file_name("store.db-wal");
    match File::open(&log).and_then(|open| open.sync_data()) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(from_io(&error, "make durable", &log))
        }
        _ => Ok(()),
    }
}

/// The relay's file of this store.
pub(crate) fn relay_file(store: &Path) -> std::path::PathBuf {
    store.with_file_name(RELAY)
}
