//! The ledger table: its definition and the statements that keep it. What its rows mean is the
//! bookkeeping crate's.

use freehold_engine::{At, Change, LedgerSql, Step, Subject, Want};

use crate::case::Case;
use crate::names::{ident, qualified};

/// The step that makes the table where it is missing.
pub(crate) fn step(case: &Case<'_>) -> Option<Step> {
    let name = case.want.spot.own("ledger");
    if !case.knows_inside() || case.live.has_table(&name) {
        return None;
    }
    let create = format!(
        "CREATE TABLE {} (
  kind text COLLATE \"C\" NOT NULL,
  id text COLLATE \"C\" NOT NULL,
  checksum text NOT NULL,
  down_checksum text,
  state text NOT NULL,
  progress bigint NOT NULL,
  total bigint NOT NULL,
  detail text NOT NULL,
  at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
  PRIMARY KEY (kind, id)
)",
        qualified(&case.want.spot, &name)
    );
    let step = Step::new(
        Change::Add,
        Subject::Ledger,
        At::Store,
        name,
        "what was applied, and by which text",
    )
    .run(format!(
        "SET LOCAL ROLE {}",
        ident(&case.want.identities.owner)
    ))
    .run(create);
    Some(step)
}

/// The statements of one store's ledger.
pub(crate) fn sql(want: &Want) -> LedgerSql {
    let table = qualified(&want.spot, &want.spot.own("ledger"));
    let columns = "kind, id, checksum, down_checksum, state, progress, total, detail";
    let set = "checksum = EXCLUDED.checksum, down_checksum = EXCLUDED.down_checksum, state = EXCLUDED.state,
  progress = EXCLUDED.progress, total = EXCLUDED.total, detail = EXCLUDED.detail, at = EXCLUDED.at";
    LedgerSql {
        read: format!(
            "SELECT {columns}, pg_catalog.to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') FROM {table} ORDER BY kind, id"
        ),
        put: format!(
            "INSERT INTO {table} ({columns}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (kind, id) DO UPDATE SET {set}"
        ),
        delete: format!("DELETE FROM {table} WHERE kind = $1 AND id = $2"),
    }
}
