//! The event plane's tables. The outbox, and what belongs to copies, stand in the store's own file:
//! programs and the applier write them with their changes. What the relay keeps for itself stands
//! in a second file beside it, `relay.db`: in one file a busy program and the relay would wait for
//! each other. That file is made by whoever relays first.

use freehold_engine::{At, Change, Live, Step, Subject, Want};

use crate::adopted;
use crate::read_models;

/// Milliseconds are what every SQLite has.
const NOW: &str = "(CAST(ROUND((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER) * 1000)";

/// Name and columns of freehold's own tables in the store's file.
const APPLIER: [(&str, &str); 6] = [
    (
        "watermark",
        "source TEXT NOT NULL, topic TEXT NOT NULL, lane INTEGER NOT NULL, position TEXT NOT NULL, PRIMARY KEY (source, topic, lane)) STRICT, WITHOUT ROWID",
    ),
    (
        "parked",
        "source TEXT NOT NULL, position TEXT NOT NULL, topic TEXT NOT NULL, key TEXT NOT NULL, event_id TEXT NOT NULL, \
         cause TEXT NOT NULL, message TEXT NOT NULL, since INTEGER NOT NULL DEFAULT NOW, tries INTEGER NOT NULL DEFAULT 1, PRIMARY KEY (source, position)) STRICT",
    ),
    (
        "freshness",
        "source TEXT NOT NULL PRIMARY KEY, position TEXT NOT NULL, ticked_at INTEGER NOT NULL, seen_at INTEGER NOT NULL) STRICT",
    ),
    (
        "fill",
        "copy TEXT NOT NULL PRIMARY KEY, source TEXT NOT NULL, state TEXT NOT NULL, cursor TEXT NOT NULL, stamp TEXT NOT NULL, rows INTEGER NOT NULL) STRICT",
    ),
    (
        "passed",
        "source TEXT NOT NULL, event TEXT NOT NULL, how TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (source, event)) STRICT, WITHOUT ROWID",
    ),
    (
        "tombstone",
        "copy TEXT NOT NULL, key TEXT NOT NULL, stamp TEXT NOT NULL, PRIMARY KEY (copy, key)) STRICT, WITHOUT ROWID",
    ),
];

/// Likewise, of every store with an event plane.
const NOTE: (&str, &str) = (
    "note",
    "id INTEGER PRIMARY KEY AUTOINCREMENT, who TEXT NOT NULL, what TEXT NOT NULL, detail TEXT NOT NULL, at INTEGER NOT NULL DEFAULT NOW) STRICT",
);

/// In order of ids is in order of commits, since there is one writer at a time. No id comes again
/// when its row was pruned. Read by programs' own SQLite, so nothing newer than 3.37 is used.
const OUTBOX: &str = "id INTEGER PRIMARY KEY AUTOINCREMENT, \
 event_id TEXT NOT NULL DEFAULT (lower(hex(randomblob(16)))), \
 topic TEXT NOT NULL CHECK (length(topic) <= 120 AND topic GLOB '[a-z]*.v[1-9]*'), \
 key TEXT NOT NULL CHECK (length(CAST(key AS BLOB)) <= 1024), \
 payload TEXT CHECK (payload IS NULL OR json_valid(payload)), \
 headers TEXT CHECK (headers IS NULL OR json_valid(headers)), \
 occurred_at INTEGER NOT NULL DEFAULT NOW) STRICT";

/// Tables in the relay's own file.
pub(crate) const RELAY: &str = "
CREATE TABLE IF NOT EXISTS relay.freehold_leadership (name TEXT NOT NULL PRIMARY KEY, holder TEXT NOT NULL, epoch INTEGER NOT NULL, until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS relay.freehold_incarnation (number INTEGER NOT NULL PRIMARY KEY, token TEXT NOT NULL, fingerprint TEXT NOT NULL, base TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS relay.freehold_batch (batch INTEGER NOT NULL PRIMARY KEY, incarnation TEXT NOT NULL, epoch INTEGER NOT NULL, cursor TEXT NOT NULL,
  ids TEXT NOT NULL, digest TEXT NOT NULL, prevs TEXT NOT NULL, pending TEXT NOT NULL, last_page INTEGER NOT NULL, at INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS relay.freehold_head (topic TEXT NOT NULL PRIMARY KEY, heads TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS relay.freehold_batch_open ON freehold_batch (batch) WHERE pending <> '';
";

/// Steps that make what is missing.
pub(crate) fn steps(want: &Want, live: &Live) -> Vec<Step> {
    let mut steps = Vec::new();
    let plane = &want.plane;
    if plane.publishes {
        let note = "events are written here, with the change that they tell of";
        steps.extend(table(want, live, "outbox", OUTBOX, note));
    }
    let applier = if plane.copies.is_empty() {
        &[][..]
    } else {
        &APPLIER
    };
    let own = (!plane.is_empty()).then_some(&NOTE);
    for (name, columns) in applier.iter().chain(own) {
        steps.extend(table(
            want,
            live,
            name,
            columns,
            "freehold's own, for events",
        ));
    }
    steps.extend(adopted::steps(want, live));
    steps.extend(read_models::steps(want, live));
    steps
}

fn table(want: &Want, live: &Live, name: &str, columns: &str, note: &str) -> Option<Step> {
    let name = want.spot.own(name);
    if live.has_table(&name) {
        return None;
    }
    // The columns end with what stands behind their parenthesis.
    let columns = columns.replace("DEFAULT NOW", &format!("DEFAULT {NOW}"));
    let sql = format!("CREATE TABLE IF NOT EXISTS {name} ({columns}");
    Some(Step::new(Change::Add, Subject::Plane, At::Store, name, note).run(sql))
}
