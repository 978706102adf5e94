//! The ledger table: its definition and the statements that keep it. What its rows mean is the
//! bookkeeping crate's.

use freehold_engine::{At, Change, LEDGER_FORMAT, LedgerSql, Step, Subject, Want};

use crate::case::Case;
use crate::names::{ident, literal, qualified};

/// What the comment on the table says before the number of its format. Without a comment it is 1.
const FORMAT: &str = "freehold's ledger, format ";

/// The format that a ledger with this comment has.
pub(crate) fn format(comment: Option<&str>) -> u32 {
    let number = comment.and_then(|comment| comment.strip_prefix(FORMAT));
    number.and_then(|number| number.parse().ok()).unwrap_or(1)
}

/// The step that makes the table where it is missing, or brings it up to date.
pub(crate) fn step(case: &Case<'_>) -> Option<Step> {
    if !case.knows_inside() {
        return None;
    }
    let name = case.want.spot.own("ledger");
    let table = qualified(&case.want.spot, &name);
    let (change, note, sql) = match case.live.ledger_format {
        None => (
            Change::Add,
            "what was applied, and by which text".to_owned(),
            create(&table),
        ),
        Some(found) if found < LEDGER_FORMAT => (
            Change::Change,
            format!("from format {found} to {LEDGER_FORMAT}: knows how far a batched migration is"),
            format!("ALTER TABLE {table} ADD COLUMN IF NOT EXISTS upto bigint"),
        ),
        Some(_) => return None,
    };
    let comment = literal(&format!("{FORMAT}{LEDGER_FORMAT}"));
    let step = Step::new(change, Subject::Ledger, At::Store, name, note)
        .run(format!(
            "SET LOCAL ROLE {}",
            ident(&case.want.identities.owner)
        ))
        .run(sql)
        .run(format!("COMMENT ON TABLE {table} IS {comment}"));
    Some(step)
}

fn create(table: &str) -> String {
    format!(
        "CREATE TABLE {table} (
  kind text COLLATE \"C\" NOT NULL,
  id text COLLATE \"C\" NOT NULL,
  checksum text NOT NULL,
  down_checksum text,
  state text NOT NULL,
  progress bigint NOT NULL,
  total bigint NOT NULL,
  detail text NOT NULL,
  at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
  upto bigint,
  PRIMARY KEY (kind, id)
)"
    )
}

/// The statements of one store's ledger.
pub(crate) fn sql(want: &Want) -> LedgerSql {
    let table = qualified(&want.spot, &want.spot.own("ledger"));
    let columns = "kind, id, checksum, down_checksum, state, progress, total, detail";
    let set = "checksum = EXCLUDED.checksum, down_checksum = EXCLUDED.down_checksum, state = EXCLUDED.state,
  progress = EXCLUDED.progress, total = EXCLUDED.total, detail = EXCLUDED.detail, at = EXCLUDED.at";
    let read = |upto: &str| {
        format!(
            "SELECT {columns}, pg_catalog.to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), {upto} FROM {table} ORDER BY kind, id"
        )
    };
    LedgerSql {
        read: read("upto"),
        read_first: read("NULL::bigint"),
        put: format!(
            "INSERT INTO {table} ({columns}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (kind, id) DO UPDATE SET {set}"
        ),
        put_upto: format!(
            "INSERT INTO {table} ({columns}, upto) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (kind, id) DO UPDATE SET {set}, upto = EXCLUDED.upto"
        ),
        delete: format!("DELETE FROM {table} WHERE kind = $1 AND id = $2"),
    }
}
