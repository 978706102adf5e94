//! The tables of sagas: what programs insert, what the executor keeps, the participants' barrier.
//! All stand in the store's own file, since a start is one transaction with the business change.
//! What is asked of them is in `sagas/statements.rs`.

mod statements;

use freehold_engine::{At, Change, Live, Step, Subject, Want};

pub(crate) use statements::statements;

/// Milliseconds are what every SQLite has.
const NOW: &str = "(CAST(ROUND((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER) * 1000)";
const UUID: &str = "(lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-' || \
 substr('89ab', (random() & 3) + 1, 1) || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6))))";

/// Read by programs' own SQLite, so nothing newer than 3.37 is used.
const STARTS: [(&str, &str); 8] = [
    (
        "saga_definition",
        "hash TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL, version INTEGER NOT NULL, conflict TEXT NOT NULL, \
         current INTEGER NOT NULL DEFAULT 0, body TEXT NOT NULL, since INTEGER NOT NULL DEFAULT NOW) STRICT",
    ),
    (
        "saga_start",
        "saga TEXT NOT NULL PRIMARY KEY DEFAULT UUID, definition TEXT NOT NULL CHECK (length(definition) <= 63), \
         key TEXT NOT NULL CHECK (length(CAST(key AS BLOB)) BETWEEN 1 AND 512), \
         input TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(input)), \
         locks TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(locks) AND json_type(locks) = 'array'), \
         claimed INTEGER NOT NULL DEFAULT 0, at INTEGER NOT NULL DEFAULT NOW, UNIQUE (definition, key)) STRICT",
    ),
    (
        "saga_instance",
        "saga TEXT NOT NULL PRIMARY KEY, share INTEGER NOT NULL, definition TEXT NOT NULL, version INTEGER NOT NULL, \
         state BLOB NOT NULL, summary TEXT NOT NULL, created INTEGER NOT NULL DEFAULT NOW, updated INTEGER NOT NULL DEFAULT NOW, \
         ended INTEGER) STRICT",
    ),
    (
        "saga_signal",
        "id INTEGER PRIMARY KEY AUTOINCREMENT, saga TEXT, definition TEXT, key TEXT, asked TEXT NOT NULL, step TEXT, \
         seen INTEGER, payload TEXT CHECK (payload IS NULL OR json_valid(payload)), who TEXT NOT NULL DEFAULT 'program', \
         at INTEGER NOT NULL DEFAULT NOW, CHECK (saga IS NOT NULL OR definition IS NOT NULL AND key IS NOT NULL)) STRICT",
    ),
    (
        "saga_action",
        "id INTEGER PRIMARY KEY AUTOINCREMENT, saga TEXT NOT NULL, signal INTEGER NOT NULL, who TEXT NOT NULL, asked TEXT NOT NULL, \
         step TEXT, payload TEXT, outcome TEXT NOT NULL, at INTEGER NOT NULL DEFAULT NOW) STRICT",
    ),
    (
        "saga_lock",
        "key TEXT NOT NULL PRIMARY KEY, saga TEXT NOT NULL) STRICT, WITHOUT ROWID",
    ),
    (
        "saga_share",
        "share INTEGER NOT NULL PRIMARY KEY, holder TEXT NOT NULL DEFAULT '', epoch INTEGER NOT NULL DEFAULT 0, \
         until INTEGER NOT NULL DEFAULT 0, format INTEGER NOT NULL DEFAULT 0, rebuilt TEXT NOT NULL DEFAULT '') STRICT",
    ),
    (
        "saga_member",
        "holder TEXT NOT NULL PRIMARY KEY, until INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    ),
];

const BARRIER: (&str, &str) = (
    "barrier",
    "caller TEXT NOT NULL, saga TEXT NOT NULL, step TEXT NOT NULL, generation INTEGER NOT NULL, kind TEXT NOT NULL, \
     ran TEXT NOT NULL, result TEXT, digest TEXT NOT NULL DEFAULT '', at INTEGER NOT NULL DEFAULT NOW, \
     PRIMARY KEY (caller, saga, step, generation, kind)) STRICT, WITHOUT ROWID",
);

const LIFE: (&str, &str) = ("saga_life", "token TEXT NOT NULL) STRICT");

/// What a start that may not wait does with its locks: it takes them, or fails.
const LOCKS: &str = "CREATE TRIGGER IF NOT EXISTS saga_locks AFTER INSERT ON saga_start
 WHEN json_array_length(NEW.locks) > 0 AND EXISTS (SELECT 1 FROM saga_definition WHERE name = NEW.definition AND current AND conflict = 'refuse')
BEGIN
 SELECT RAISE(ABORT, 'FH4131: another saga works on what this one asks for')
  WHERE EXISTS (SELECT 1 FROM saga_lock WHERE key IN (SELECT value FROM json_each(NEW.locks)));
 INSERT INTO saga_lock (key, saga) SELECT DISTINCT value, NEW.saga FROM json_each(NEW.locks);
END";

/// How sagas stand, in the form that programs know from tables of their own.
const VIEW: &str = "CREATE VIEW IF NOT EXISTS saga_view (saga_id, definition, key, current_step, saga_status, steps_completed, compensation_needed, created_at, updated_at) AS
 SELECT s.saga, s.definition, s.key, json_extract(i.summary, '$.step'), coalesce(json_extract(i.summary, '$.status'), 'new'),
  coalesce(json_extract(i.summary, '$.done'), '[]'), coalesce(json_extract(i.summary, '$.undo'), '[]'), s.at, coalesce(i.updated, s.at)
 FROM saga_start s LEFT JOIN saga_instance i ON i.saga = s.saga";

/// Steps that make what is missing.
pub(crate) fn steps(want: &Want, live: &Live) -> Vec<Step> {
    let sagas = want.plane.sagas;
    let mut steps = Vec::new();
    if sagas.starts {
        for (name, columns) in &STARTS {
            steps.extend(table(want, live, name, columns));
        }
        let view = want.spot.own("saga");
        if !live.has_table(&view) {
            steps.push(
                step(&view, "how sagas stand").run(own(VIEW).replace("freehold_saga_view", &view)),
            );
        }
        let trigger = want.spot.own("saga_locks");
        if !live.routines.contains_key(&trigger) {
            steps.push(step(&trigger, "a start takes its locks, or fails").run(own(LOCKS)));
        }
    }
    if sagas.takes_part {
        steps.extend(table(want, live, BARRIER.0, BARRIER.1));
    }
    if !sagas.is_empty() {
        steps.extend(table(want, live, LIFE.0, LIFE.1));
    }
    steps
}

/// The names as they stand in the file: a store has it to itself.
fn own(sql: &str) -> String {
    sql.replace("saga_", "freehold_saga_")
        .replace("freehold_saga_id", "saga_id")
        .replace("freehold_saga_status", "saga_status")
}

fn step(name: &str, note: &str) -> Step {
    Step::new(Change::Add, Subject::Plane, At::Store, name, note)
}

fn table(want: &Want, live: &Live, name: &str, columns: &str) -> Option<Step> {
    let own = want.spot.own(name);
    if live.has_table(&own) {
        return None;
    }
    // The columns end with what stands behind their parenthesis.
    let columns = columns
        .replace("DEFAULT NOW", &format!("DEFAULT {NOW}"))
        .replace("DEFAULT UUID", &format!("DEFAULT {UUID}"));
    let step = step(&own, "freehold's own, for sagas")
        .run(format!("CREATE TABLE IF NOT EXISTS {own} ({columns}"));
    Some(match name {
        "saga_start" => step.run(format!(
            "CREATE INDEX IF NOT EXISTS {own}_new ON {own} (at) WHERE claimed = 0"
        )),
        "saga_lock" | "saga_action" => step.run(format!(
            "CREATE INDEX IF NOT EXISTS {own}_saga ON {own} (saga)"
        )),
        "saga_share" => step.run(format!(
            "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 63) INSERT OR IGNORE INTO {own} (share) SELECT i FROM n"
        )),
        "saga_life" => step.run(format!(
            "INSERT INTO {own} (token) SELECT lower(hex(randomblob(16))) WHERE NOT EXISTS (SELECT 1 FROM {own})"
        )),
        _ => step,
    })
}
