//! The tables of sagas: what programs insert, what the executor keeps, the participants' barrier;
//! and who may do what with them. What is asked of them is in `sagas/statements.rs`.
//!
//! Pure. Every statement commits for itself and may be sent again. There is no trigger that takes a
//! start's locks here: the executor takes them, so a start waits where another engine refuses it.

mod statements;

use freehold_engine::{At, Change, Grant, Live, Object, Probe, Step, Subject, Want};

use crate::names::{account, accounts_host, object};

pub(crate) use statements::statements;

const FORM: &str = "ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";
const NOW: &str = "BIGINT NOT NULL DEFAULT (CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS SIGNED))";
/// `UUID()` is made of time and place, and its last byte is always the same.
const UUID: &str = "(LOWER(CONCAT_WS('-', HEX(RANDOM_BYTES(4)), HEX(RANDOM_BYTES(2)), CONCAT('4', SUBSTR(HEX(RANDOM_BYTES(2)), 2)), \
 CONCAT('8', SUBSTR(HEX(RANDOM_BYTES(2)), 2)), HEX(RANDOM_BYTES(6)))))";
const ID: &str = "CHAR(36) CHARACTER SET ascii COLLATE ascii_bin";

/// A table, and what the program may do with it: a right on columns, or on all of it.
struct Table {
    name: &'static str,
    columns: &'static str,
    program: &'static [(&'static str, &'static [&'static str])],
}

/// Of whom sagas are started by.
const STARTS: [Table; 8] = [
    Table {
        name: "saga_definition",
        columns: "hash CHAR(64) NOT NULL PRIMARY KEY, name VARCHAR(63) NOT NULL, version BIGINT NOT NULL, conflict VARCHAR(10) NOT NULL, \
                  `current` BOOLEAN NOT NULL DEFAULT FALSE, body MEDIUMTEXT NOT NULL, since NOW",
        program: &[("SELECT", &["name", "conflict", "current"])],
    },
    Table {
        name: "saga_start",
        columns: "saga ID NOT NULL DEFAULT UUID PRIMARY KEY, definition VARCHAR(63) NOT NULL, `key` VARCHAR(512) NOT NULL CHECK (`key` <> ''), \
                  input LONGTEXT NOT NULL DEFAULT ('{}') CHECK (JSON_VALID(input)), locks TEXT NOT NULL DEFAULT ('[]') CHECK (JSON_VALID(locks)), \
                  claimed BOOLEAN NOT NULL DEFAULT FALSE, at NOW, UNIQUE KEY (definition, `key`), KEY (claimed, at)",
        program: &[
            ("INSERT", &["definition", "key", "input", "locks"]),
            ("SELECT", &["saga", "definition", "key"]),
        ],
    },
    Table {
        name: "saga_instance",
        columns: "saga ID NOT NULL PRIMARY KEY, share SMALLINT NOT NULL, definition CHAR(64) NOT NULL, version BIGINT NOT NULL, \
                  state LONGBLOB NOT NULL, summary TEXT NOT NULL, created NOW, updated NOW, ended BIGINT",
        program: &[],
    },
    Table {
        name: "saga_signal",
        columns: "id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, saga ID, definition VARCHAR(63), `key` VARCHAR(512), asked VARCHAR(20) NOT NULL, \
                  step VARCHAR(63), seen BIGINT, payload LONGTEXT CHECK (payload IS NULL OR JSON_VALID(payload)), who VARCHAR(255) NOT NULL DEFAULT 'program', at NOW",
        program: &[(
            "INSERT",
            &["saga", "definition", "key", "asked", "step", "payload"],
        )],
    },
    Table {
        name: "saga_action",
        columns: "id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, saga ID NOT NULL, `signal` BIGINT NOT NULL, who VARCHAR(255) NOT NULL, \
                  asked VARCHAR(20) NOT NULL, step VARCHAR(63), payload LONGTEXT, outcome VARCHAR(255) NOT NULL, at NOW, KEY (saga)",
        program: &[],
    },
    Table {
        name: "saga_lock",
        columns: "`key` VARCHAR(512) NOT NULL PRIMARY KEY, saga ID NOT NULL, KEY (saga)",
        program: &[],
    },
    Table {
        name: "saga_share",
        columns: "share SMALLINT NOT NULL PRIMARY KEY, holder VARCHAR(255) NOT NULL DEFAULT '', epoch BIGINT NOT NULL DEFAULT 0, \
                  until BIGINT NOT NULL DEFAULT 0, format SMALLINT NOT NULL DEFAULT 0, rebuilt VARCHAR(500) NOT NULL DEFAULT ''",
        program: &[],
    },
    Table {
        name: "saga_member",
        columns: "holder VARCHAR(255) NOT NULL PRIMARY KEY, until BIGINT NOT NULL",
        program: &[],
    },
];

/// Of whom sagas call.
const BARRIER: Table = Table {
    name: "barrier",
    columns: "caller VARCHAR(63) NOT NULL, saga ID NOT NULL, step VARCHAR(63) NOT NULL, generation BIGINT NOT NULL, \
              kind VARCHAR(10) NOT NULL, ran VARCHAR(10) NOT NULL, result LONGTEXT, digest VARCHAR(64) NOT NULL DEFAULT '', at NOW, \
              PRIMARY KEY (caller, saga, step, generation, kind)",
    program: &[
        ("SELECT", &[]),
        ("INSERT", &[]),
        ("UPDATE", &[]),
        ("DELETE", &[]),
    ],
};

/// Of both: a store that was restored gets another token.
const LIFE: Table = Table {
    name: "saga_life",
    columns: "one TINYINT NOT NULL DEFAULT 1 PRIMARY KEY CHECK (one = 1), token VARCHAR(60) NOT NULL",
    program: &[("SELECT", &["token"])],
};

fn tables(want: &Want) -> Vec<&'static Table> {
    let sagas = want.plane.sagas;
    let mut tables: Vec<&Table> = Vec::new();
    if sagas.starts {
        tables.extend(&STARTS);
    }
    if sagas.takes_part {
        tables.push(&BARRIER);
    }
    if !sagas.is_empty() {
        tables.push(&LIFE);
    }
    tables
}

/// Steps that make what is missing.
pub(crate) fn steps(probe: &Probe, want: &Want, live: &Live) -> Vec<Step> {
    let spot = &want.spot;
    let missing = tables(want)
        .into_iter()
        .filter(|table| !live.has_table(&spot.own(table.name)));
    let missing: Vec<&Table> = missing.collect();
    let mut steps = Vec::new();
    if let Some(first) = missing.first() {
        let names: Vec<&str> = missing.iter().map(|table| table.name).collect();
        let step = add(spot.own(first.name), &names.join(", "));
        steps.push(
            missing
                .iter()
                .fold(step, |step, table| make(want, table, step)),
        );
    }
    let view = spot.own("saga");
    if want.plane.sagas.starts && !live.has_table(&view) {
        let own = |name: &str| object(&spot.database, &spot.own(name));
        let definer = account(&want.identities.owner, accounts_host(probe));
        steps.push(add(view, "how sagas stand").run(format!(
            "CREATE OR REPLACE DEFINER = {definer} SQL SECURITY DEFINER VIEW {} AS
 SELECT s.saga AS saga_id, s.definition AS definition, s.`key` AS `key`, JSON_UNQUOTE(JSON_EXTRACT(i.summary, '$.step')) AS current_step,
 COALESCE(JSON_UNQUOTE(JSON_EXTRACT(i.summary, '$.status')), 'new') AS saga_status, COALESCE(JSON_EXTRACT(i.summary, '$.done'), '[]') AS steps_completed,
 COALESCE(JSON_EXTRACT(i.summary, '$.undo'), '[]') AS compensation_needed, s.at AS created_at, COALESCE(i.updated, s.at) AS updated_at
 FROM {} s LEFT JOIN {} i ON i.saga = s.saga",
            own("saga"),
            own("saga_start"),
            own("saga_instance"),
        )));
    }
    steps
}

fn add(name: String, note: &str) -> Step {
    Step::new(Change::Add, Subject::Plane, At::Server, name, note).not_atomic()
}

fn make(want: &Want, table: &Table, step: Step) -> Step {
    let name = object(&want.spot.database, &want.spot.own(table.name));
    let columns = table
        .columns
        .replace(" NOW", &format!(" {NOW}"))
        .replace("DEFAULT UUID", &format!("DEFAULT {UUID}"))
        .replace("saga ID", &format!("saga {ID}"));
    let step = step.run(format!(
        "CREATE TABLE IF NOT EXISTS {name} ({columns}) {FORM}"
    ));
    match table.name {
        "saga_share" => step.run(format!(
            "INSERT IGNORE INTO {name} (share) WITH RECURSIVE d AS (SELECT 0 AS n UNION ALL SELECT n + 1 FROM d WHERE n < 63) SELECT n FROM d"
        )),
        "saga_life" => step.run(format!(
            "INSERT IGNORE INTO {name} (token) VALUES (HEX(RANDOM_BYTES(16)))"
        )),
        _ => step,
    }
}

/// Every right on them, whether they are there yet or not.
pub(crate) fn rights(want: &Want) -> Vec<Grant> {
    let names = &want.identities;
    let mut grants = Vec::new();
    for table in tables(want) {
        let own = want.spot.own(table.name);
        let whole = Object::Table(own.clone());
        grants.push(Grant::new(&names.backup, whole.clone(), "SELECT"));
        for right in ["SELECT", "INSERT", "UPDATE", "DELETE"] {
            grants.push(Grant::new(&names.sidecar, whole.clone(), right));
        }
        for login in &names.app.logins {
            for (right, columns) in table.program {
                if columns.is_empty() {
                    grants.push(Grant::new(login, whole.clone(), right));
                }
                for column in *columns {
                    let on = Object::Column(own.clone(), (*column).to_owned());
                    grants.push(Grant::new(login, on, right));
                }
            }
        }
    }
    if want.plane.sagas.starts {
        let view = Object::Table(want.spot.own("saga"));
        for who in [&names.app.logins[0], &names.app.logins[1], &names.sidecar] {
            grants.push(Grant::new(who, view.clone(), "SELECT"));
        }
        grants.push(Grant::new(&names.backup, view.clone(), "SELECT"));
        grants.push(Grant::new(&names.backup, view, "SHOW VIEW"));
    }
    grants
}
