//! The tables of sagas: what programs insert, what the executor keeps, the participants' barrier;
//! and who may do what with them. What is asked of them is in `sagas/statements.rs`.
//!
//! A program inserts starts and signals and reads neither of others. Nobody but the executor writes
//! instances.

mod statements;

use freehold_engine::{At, Change, Grant, Object, Step, Subject, Want};

use crate::case::Case;
use crate::names::{ident, qualified};
use crate::rows::routine_fingerprint;

pub(crate) use statements::statements;

const NOW: &str = "timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()";

/// A table, and what the program may do with it: a right on columns.
struct Table {
    name: &'static str,
    columns: &'static str,
    program: &'static [(&'static str, &'static [&'static str])],
}

/// Of whom sagas are started by.
const STARTS: [Table; 8] = [
    Table {
        name: "saga_definition",
        columns: "hash text COLLATE \"C\" PRIMARY KEY, name text COLLATE \"C\" NOT NULL, version bigint NOT NULL,
  conflict text NOT NULL, current boolean NOT NULL DEFAULT false, body text NOT NULL, since NOW",
        program: &[("SELECT", &["name", "conflict", "current"])],
    },
    Table {
        name: "saga_start",
        columns: "saga text COLLATE \"C\" PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid()::text,
  definition text COLLATE \"C\" NOT NULL CHECK (pg_catalog.octet_length(definition) <= 63),
  key text COLLATE \"C\" NOT NULL CHECK (pg_catalog.octet_length(key) BETWEEN 1 AND 512),
  input json NOT NULL DEFAULT '{}', locks json NOT NULL DEFAULT '[]' CHECK (pg_catalog.json_typeof(locks) = 'array'),
  claimed boolean NOT NULL DEFAULT false, at NOW, UNIQUE (definition, key)",
        program: &[
            ("INSERT", &["definition", "key", "input", "locks"]),
            ("SELECT", &["saga", "definition", "key"]),
        ],
    },
    // Nothing that changes is indexed, so that rows are written in place.
    Table {
        name: "saga_instance",
        columns: "saga text COLLATE \"C\" PRIMARY KEY, share smallint NOT NULL, definition text COLLATE \"C\" NOT NULL,
  version bigint NOT NULL, state bytea NOT NULL, summary text NOT NULL, created NOW, updated NOW,
  ended timestamptz) WITH (fillfactor = 50",
        program: &[],
    },
    Table {
        name: "saga_signal",
        columns: "id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, saga text COLLATE \"C\", definition text COLLATE \"C\",
  key text COLLATE \"C\", asked text NOT NULL, step text, seen bigint, payload json,
  who text NOT NULL DEFAULT session_user, at NOW,
  CHECK (saga IS NOT NULL OR definition IS NOT NULL AND key IS NOT NULL)",
        // Without `seen` an operator's action is refused, but for a cancel.
        program: &[(
            "INSERT",
            &["saga", "definition", "key", "asked", "step", "payload"],
        )],
    },
    Table {
        name: "saga_action",
        columns: "id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, saga text COLLATE \"C\" NOT NULL, signal bigint NOT NULL,
  who text NOT NULL, asked text NOT NULL, step text, payload text, outcome text NOT NULL, at NOW",
        program: &[],
    },
    Table {
        name: "saga_lock",
        columns: "key text COLLATE \"C\" PRIMARY KEY, saga text COLLATE \"C\" NOT NULL",
        program: &[("INSERT", &["key", "saga"])],
    },
    Table {
        name: "saga_share",
        columns: "share smallint PRIMARY KEY, holder text NOT NULL DEFAULT '', epoch bigint NOT NULL DEFAULT 0,
  until timestamptz NOT NULL DEFAULT 'epoch', format smallint NOT NULL DEFAULT 0, rebuilt text NOT NULL DEFAULT '') WITH (fillfactor = 50",
        program: &[],
    },
    Table {
        name: "saga_member",
        columns: "holder text COLLATE \"C\" PRIMARY KEY, until timestamptz NOT NULL",
        program: &[],
    },
];

/// Of whom sagas call.
const TAKES_PART: [Table; 1] = [Table {
    name: "barrier",
    columns: "caller text COLLATE \"C\" NOT NULL, saga text COLLATE \"C\" NOT NULL, step text COLLATE \"C\" NOT NULL,
  generation bigint NOT NULL, kind text COLLATE \"C\" NOT NULL, ran text NOT NULL, result text, digest text NOT NULL DEFAULT '',
  at NOW, PRIMARY KEY (caller, saga, step, generation, kind)",
    program: &[(
        "INSERT",
        &["caller", "saga", "step", "generation", "kind", "ran", "result", "digest"],
    ), (
        "SELECT",
        &["caller", "saga", "step", "generation", "kind", "ran", "result", "digest"],
    ), ("UPDATE", &["ran", "result"]), ("DELETE", &[])],
}];

/// Of both: a store that was restored gets another token.
const LIFE: Table = Table {
    name: "saga_life",
    columns: "token text NOT NULL",
    program: &[("SELECT", &["token"])],
};

fn tables(want: &Want) -> Vec<&'static Table> {
    let sagas = want.plane.sagas;
    let mut tables: Vec<&Table> = Vec::new();
    if sagas.starts {
        tables.extend(&STARTS);
    }
    if sagas.takes_part {
        tables.extend(&TAKES_PART);
    }
    if !sagas.is_empty() {
        tables.push(&LIFE);
    }
    tables
}

/// Steps that make what is missing.
pub(crate) fn steps(case: &Case<'_>) -> Vec<Step> {
    if !case.knows_inside() {
        return Vec::new();
    }
    let spot = &case.want.spot;
    let missing = tables(case.want)
        .into_iter()
        .filter(|table| !case.live.has_table(&spot.own(table.name)));
    let missing: Vec<&Table> = missing.collect();
    let mut steps = Vec::new();
    if !missing.is_empty() {
        let names: Vec<&str> = missing.iter().map(|table| table.name).collect();
        let mut step = as_owner(case, &spot.own(names[0]), &names.join(", "));
        for table in missing {
            for sql in make(case.want, table) {
                step = step.run(sql);
            }
        }
        steps.push(step);
    }
    if case.want.plane.sagas.starts {
        steps.extend(lock_trigger(case));
        steps.extend(view(case));
    }
    steps
}

fn as_owner(case: &Case<'_>, name: &str, note: &str) -> Step {
    Step::new(Change::Add, Subject::Plane, At::Store, name, note).run(format!(
        "SET LOCAL ROLE {}",
        ident(&case.want.identities.owner)
    ))
}

fn make(want: &Want, table: &Table) -> Vec<String> {
    let own = want.spot.own(table.name);
    let name = qualified(&want.spot, &own);
    let columns = table.columns.replace(" NOW", &format!(" {NOW}"));
    let mut sql = vec![format!("CREATE TABLE {name} ({columns})")];
    match table.name {
        "saga_start" => sql.push(format!(
            "CREATE INDEX {} ON {name} (at) WHERE NOT claimed",
            ident(&format!("{own}_new"))
        )),
        "saga_lock" | "saga_action" => sql.push(format!(
            "CREATE INDEX {} ON {name} (saga)",
            ident(&format!("{own}_saga"))
        )),
        "saga_share" => sql.push(format!(
            "INSERT INTO {name} (share) SELECT pg_catalog.generate_series(0, 63)"
        )),
        "saga_life" => sql.push(format!(
            "INSERT INTO {name} (token) VALUES (pg_catalog.gen_random_uuid()::text)"
        )),
        _ => {}
    }
    sql
}

/// What a start that may not wait does with its locks: it takes them in the business transaction,
/// in order, or fails with it.
fn lock_trigger(case: &Case<'_>) -> Option<Step> {
    let spot = &case.want.spot;
    let own = spot.own("saga_locks");
    let body = format!(
        "
BEGIN
  IF pg_catalog.json_array_length(NEW.locks) > 0 AND EXISTS (
    SELECT FROM {} WHERE name = NEW.definition AND current AND conflict = 'refuse') THEN
    INSERT INTO {} (key, saga)
      SELECT DISTINCT pg_catalog.json_array_elements_text(NEW.locks) AS l, NEW.saga ORDER BY l;
  END IF;
  RETURN NULL;
EXCEPTION WHEN unique_violation THEN
  RAISE EXCEPTION USING ERRCODE = 'unique_violation',
    MESSAGE = 'FH4131: another saga works on what ' || NEW.definition || ' ' || NEW.key || ' asks for';
END
",
        qualified(spot, &spot.own("saga_definition")),
        qualified(spot, &spot.own("saga_lock")),
    );
    let found = case.live.routines.get(&format!("{own}()"));
    let same = found.is_some_and(|found| {
        found.fingerprint == routine_fingerprint("plpgsql", false, &[], &body)
            && case.owned(&found.owner)
    });
    let start = spot.own("saga_start");
    let trigger = format!("{start}/{own} trigger");
    if same && case.live.routines.contains_key(&trigger) {
        return None;
    }
    let (function, table) = (qualified(spot, &own), qualified(spot, &start));
    let name = ident(&own);
    let note = "a start takes its locks, or fails";
    Some(
        as_owner(case, &own, note)
            .run(format!(
                "CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $freehold${body}$freehold$"
            ))
            .run(format!("REVOKE ALL ON FUNCTION {function}() FROM PUBLIC CASCADE"))
            .run(format!("DROP TRIGGER IF EXISTS {name} ON {table}"))
            .run(format!(
                "CREATE TRIGGER {name} AFTER INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION {function}()"
            )),
    )
}

/// How sagas stand, in the form that programs know from tables of their own.
fn view(case: &Case<'_>) -> Option<Step> {
    let spot = &case.want.spot;
    let own = spot.own("saga");
    if case.live.has_table(&own) {
        return None;
    }
    let table = |name: &str| qualified(spot, &spot.own(name));
    let sql = format!(
        "CREATE VIEW {} (saga_id, definition, key, current_step, saga_status, steps_completed, compensation_needed, created_at, updated_at) AS
 SELECT s.saga, s.definition, s.key, i.summary::json ->> 'step', coalesce(i.summary::json ->> 'status', 'new'),
   coalesce(i.summary::json -> 'done', '[]'::json), coalesce(i.summary::json -> 'undo', '[]'::json), s.at, coalesce(i.updated, s.at)
 FROM {} s LEFT JOIN {} i ON i.saga = s.saga",
        qualified(spot, &own),
        table("saga_start"),
        table("saga_instance"),
    );
    Some(as_owner(case, &own, "how sagas stand").run(sql))
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
        for (right, columns) in table.program {
            if columns.is_empty() {
                grants.push(Grant::new(&names.app.role, whole.clone(), right));
            }
            for column in *columns {
                let on = Object::Column(own.clone(), (*column).to_owned());
                grants.push(Grant::new(&names.app.role, on, right));
            }
        }
    }
    if want.plane.sagas.starts {
        let view = Object::Table(want.spot.own("saga"));
        for who in [&names.app.role, &names.sidecar, &names.backup] {
            grants.push(Grant::new(who, view.clone(), "SELECT"));
        }
    }
    grants
}
