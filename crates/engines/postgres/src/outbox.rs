//! Reading the outbox: the snapshot cursor, and being woken.
//!
//! A cursor is the snapshot `S1` of the last look, or `S1|S2|id` in the middle of a look that was
//! too long for one page. A row belongs to a look if its transaction was not to be seen in `S1` and
//! is in `S2`. No right is needed but SELECT, and what other databases do has no influence.

use std::time::Duration;

use freehold_engine::{Alarm, Error, ErrorKind, OutboxRow, Polled, Result, Want};
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Type};

use crate::names::qualified;
use crate::plane::{WAKE, channel, lock_class};
use crate::session::Session;

/// Every transaction there ever was is behind this one.
const BEGINNING: &str = "3:3:";
/// How soon to look again when a writer is in the middle of a transaction.
const SOON: Duration = Duration::from_millis(2);

const COLUMNS: &str =
    "o.id, o.event_id, o.topic, o.key, o.lane, o.payload::text, o.headers::text, o.occurred_at";
/// Stands in a row of its own, so that it is sent once.
const SNAPSHOT: &str = "SELECT NULL::bigint, NULL::uuid, pg_catalog.pg_current_snapshot()::text, NULL::text, NULL::smallint, NULL::text, NULL::text, NULL::timestamptz";

/// What was not to be seen before the cursor.
pub(crate) async fn poll(
    session: &mut Session,
    want: &Want,
    cursor: &str,
    page: usize,
) -> Result<Polled> {
    let most = i64::try_from(page).unwrap_or(i64::MAX);
    let mut parts = cursor.split('|');
    let since = parts
        .next()
        .filter(|text| !text.is_empty())
        .unwrap_or(BEGINNING);
    let (rows, until) = match (parts.next(), parts.next()) {
        (None, _) => {
            let rows = session.rows(&first_page(want), &[&since, &most]).await?;
            let (rows, until) = apart(rows)?;
            (rows, until.unwrap_or_default())
        }
        (Some(until), Some(id)) => {
            let id: i64 = id.parse().map_err(|_| damaged(cursor))?;
            let rows = session
                .rows(&next_page(want), &[&since, &until, &id, &most])
                .await?;
            (apart(rows)?.0, until.to_owned())
        }
        (Some(_), None) => return Err(damaged(cursor)),
    };
    let last_page = rows.len() < page;
    let cursor = match rows.last() {
        Some(last) if !last_page => format!("{since}|{until}|{}", last.id),
        _ => until,
    };
    Ok(Polled {
        rows,
        cursor,
        last_page,
    })
}

fn damaged(cursor: &str) -> Error {
    let message = format!("`{cursor}` is no cursor of an outbox");
    Error::new(ErrorKind::Invalid, message)
}

/// The rows are found by their transactions first, by whatever index: with a limit in sight the
/// planner would walk the ids from the oldest row on.
fn first_page(want: &Want) -> String {
    let outbox = qualified(&want.spot, &want.spot.own("outbox"));
    format!(
        "WITH new AS MATERIALIZED (
   SELECT id FROM {outbox} WHERE xid >= pg_catalog.pg_snapshot_xmax($1::text::pg_snapshot)
   UNION ALL SELECT id FROM {outbox} WHERE xid = ANY (ARRAY(SELECT pg_catalog.pg_snapshot_xip($1::text::pg_snapshot))))
 {SNAPSHOT}
 UNION ALL (SELECT {COLUMNS} FROM {outbox} o WHERE o.id IN (SELECT id FROM new ORDER BY id LIMIT $2) ORDER BY o.id)"
    )
}

fn next_page(want: &Want) -> String {
    let outbox = qualified(&want.spot, &want.spot.own("outbox"));
    format!(
        "SELECT {COLUMNS} FROM {outbox} o WHERE o.id > $3
 AND NOT pg_catalog.pg_visible_in_snapshot(o.xid, $1::text::pg_snapshot)
 AND pg_catalog.pg_visible_in_snapshot(o.xid, $2::text::pg_snapshot) ORDER BY o.id LIMIT $4"
    )
}

/// Rows in order of their ids, and the snapshot where it was asked for.
fn apart(rows: Vec<Row>) -> Result<(Vec<OutboxRow>, Option<String>)> {
    let mut snapshot = None;
    let mut read = Vec::with_capacity(rows.len());
    for row in rows {
        let id: Option<i64> = get(&row, 0)?;
        match id {
            None => snapshot = Some(get(&row, 2)?),
            Some(id) => read.push(outbox_row(id, &row)?),
        }
    }
    read.sort_unstable_by_key(|row: &OutboxRow| row.id);
    Ok((read, snapshot))
}

fn outbox_row(id: i64, row: &Row) -> Result<OutboxRow> {
    let Raw(event_id) = get(row, 1)?;
    let lane: i16 = get(row, 4)?;
    let Micros(occurred_at) = get(row, 7)?;
    Ok(OutboxRow {
        id,
        event_id,
        topic: get(row, 2)?,
        key: get(row, 3)?,
        lane: u8::try_from(lane).unwrap_or(u8::MAX),
        payload: get(row, 5)?,
        headers: get(row, 6)?,
        occurred_at,
    })
}

fn get<'a, T: FromSql<'a>>(row: &'a Row, at: usize) -> Result<T> {
    row.try_get(at)
        .map_err(|error| Error::new(ErrorKind::Invalid, format!("outbox: {error}")))
}

/// A UUID as its bytes.
struct Raw([u8; 16]);

impl<'a> FromSql<'a> for Raw {
    fn from_sql(
        _: &Type,
        raw: &'a [u8],
    ) -> std::result::Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(raw.try_into()?))
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::UUID
    }
}

/// A point in time as microseconds since 1970; the server counts from 2000.
struct Micros(i64);

impl<'a> FromSql<'a> for Micros {
    fn from_sql(
        _: &Type,
        raw: &'a [u8],
    ) -> std::result::Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(
            i64::from_be_bytes(raw.try_into()?).saturating_add(946_684_800_000_000),
        ))
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::TIMESTAMPTZ
    }
}

/// Takes the lock that writers try to share: whoever cannot, notifies. Not to be had while a
/// writer holds it, and then it is not worth sleeping long.
pub(crate) async fn arm(session: &mut Session, want: &Want) -> Result<Alarm> {
    let class = lock_class(want);
    let sql = format!(
        "LISTEN {}; SELECT pg_catalog.pg_try_advisory_lock({class}, {WAKE})",
        channel(want)
    );
    let tables = session.ask(&sql).await?;
    let taken = tables
        .last()
        .and_then(|rows| rows.first()?.first()?.as_deref())
        == Some("t");
    Ok(if taken {
        session.armed();
        Alarm::Armed
    } else {
        Alarm::Deaf(SOON)
    })
}

/// Sleeps until somebody notifies; awake, the relay holds nothing.
pub(crate) async fn wait(session: &mut Session, want: &Want, most: Duration) -> Result<()> {
    session.notified(most).await;
    disarm(session, want).await
}

async fn disarm(session: &mut Session, want: &Want) -> Result<()> {
    let class = lock_class(want);
    let sql = format!("SELECT pg_catalog.pg_advisory_unlock({class}, {WAKE})");
    session.ask(&sql).await?;
    session.disarmed();
    Ok(())
}
