//! The event plane's tables, sequence and triggers, and who may do what with them. What the
//! sidecar asks of them is in `statements.rs`; how the outbox is read, in `outbox.rs`.
//!
//! Made once and then left alone: a later form will come with a step that changes it.

use freehold_engine::{At, Change, Grant, Object, Spot, Step, Subject, Want};
use freehold_sql::Dialect;
use sha2::{Digest as _, Sha256};

use crate::adopted;
use crate::case::Case;
use crate::names::{ident, literal, qualified};
use crate::read_models;
use crate::rows::routine_fingerprint;

/// What a program may say of its event; everything else the trigger fills in.
pub(crate) const SAID: [&str; 5] = ["event_id", "topic", "key", "payload", "headers"];
/// What a program may read back of a row that it inserted.
const READ_BACK: [&str; 2] = ["id", "event_id"];
/// Slots that a store's keys share: a bulk insert takes at most so many locks.
const SLOTS: u16 = 1_024;

/// One of freehold's own tables here.
struct Table {
    name: &'static str,
    columns: &'static str,
}

/// What a store that publishes has besides the outbox.
const RELAY: [Table; 3] = [
    Table {
        name: "incarnation",
        columns: "number bigint PRIMARY KEY, token text NOT NULL, fingerprint text NOT NULL, base text NOT NULL,
  since timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()",
    },
    Table {
        name: "batch",
        columns: "batch bigint PRIMARY KEY, incarnation text NOT NULL, epoch bigint NOT NULL, cursor text NOT NULL,
  ids text NOT NULL, digest text NOT NULL, prevs text NOT NULL, pending text NOT NULL, last_page boolean NOT NULL,
  at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()",
    },
    Table {
        name: "head",
        columns: "topic text COLLATE \"C\" PRIMARY KEY, heads text NOT NULL",
    },
];

/// What a store that keeps copies has.
const APPLIER: [Table; 6] = [
    Table {
        name: "watermark",
        columns: "source text COLLATE \"C\" NOT NULL, topic text COLLATE \"C\" NOT NULL, lane smallint NOT NULL,
  position text NOT NULL, PRIMARY KEY (source, topic, lane)) WITH (fillfactor = 50",
    },
    Table {
        name: "parked",
        columns: "source text COLLATE \"C\" NOT NULL, position text COLLATE \"C\" NOT NULL, topic text NOT NULL,
  key text COLLATE \"C\" NOT NULL, event_id text NOT NULL, cause text NOT NULL, message text NOT NULL,
  since timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(), tries bigint NOT NULL DEFAULT 1,
  PRIMARY KEY (source, position)",
    },
    Table {
        name: "freshness",
        columns: "source text COLLATE \"C\" PRIMARY KEY, position text NOT NULL, ticked_at bigint NOT NULL,
  seen_at timestamptz NOT NULL",
    },
    Table {
        name: "fill",
        columns: "copy text COLLATE \"C\" PRIMARY KEY, source text NOT NULL, state text NOT NULL, cursor text NOT NULL,
  stamp text NOT NULL, rows bigint NOT NULL",
    },
    Table {
        name: "passed",
        columns: "source text COLLATE \"C\" NOT NULL, event text COLLATE \"C\" NOT NULL, how text NOT NULL, at bigint NOT NULL,
  PRIMARY KEY (source, event)",
    },
    Table {
        name: "tombstone",
        columns: "copy text COLLATE \"C\" NOT NULL, key text COLLATE \"C\" NOT NULL, stamp text COLLATE \"C\" NOT NULL,
  PRIMARY KEY (copy, key)",
    },
];

/// What a store with read models has.
const READ_WORK: Table = Table {
    name: "read_work",
    columns: read_models::WORK,
};

/// What both have.
const BOTH: [Table; 2] = [
    Table {
        name: "leadership",
        columns: "name text COLLATE \"C\" PRIMARY KEY, holder text NOT NULL, epoch bigint NOT NULL, until timestamptz NOT NULL",
    },
    Table {
        name: "note",
        columns: "id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, who text NOT NULL, what text NOT NULL,
  detail text NOT NULL, at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()",
    },
];

/// The tables that this store should have, besides the outbox.
fn tables(want: &Want) -> Vec<&'static Table> {
    let mut tables: Vec<&Table> = Vec::new();
    if !want.plane.is_empty() {
        tables.extend(&BOTH);
    }
    if want.plane.publishes {
        tables.extend(&RELAY);
    }
    if !want.plane.copies.is_empty() {
        tables.extend(&APPLIER);
    }
    if !want.plane.read_models.is_empty() {
        tables.push(&READ_WORK);
    }
    tables
}

/// Names of the plane's tables, the outbox first where there is one.
pub(crate) fn names(want: &Want) -> Vec<String> {
    let outbox = want.plane.publishes.then_some("outbox");
    let names = outbox
        .into_iter()
        .chain(tables(want).into_iter().map(|table| table.name));
    names.map(|name| want.spot.own(name)).collect()
}

/// Steps that make what is missing, and views of today's rows whose tables are there.
pub(crate) fn steps(case: &Case<'_>) -> Vec<Step> {
    if !case.knows_inside() {
        return Vec::new();
    }
    let mut steps = Vec::new();
    if case.want.plane.publishes {
        steps.extend(outbox(case));
        steps.extend(triggers(case));
    }
    let missing: Vec<&Table> = tables(case.want)
        .into_iter()
        .filter(|table| !case.live.has_table(&case.want.spot.own(table.name)))
        .collect();
    if !missing.is_empty() {
        steps.push(bookkeeping(case, &missing));
    }
    steps.extend(
        case.want
            .plane
            .snapshots
            .iter()
            .filter_map(|(event, select)| snapshot(case, event, select)),
    );
    steps.extend(read_models::steps(case));
    steps.extend(adopted::steps(case));
    steps
}

fn as_owner(case: &Case<'_>, change: Change, subject: Subject, name: String, note: &str) -> Step {
    Step::new(change, subject, At::Store, name, note).run(format!(
        "SET LOCAL ROLE {}",
        ident(&case.want.identities.owner)
    ))
}

fn outbox(case: &Case<'_>) -> Option<Step> {
    let spot = &case.want.spot;
    let name = spot.own("outbox");
    if case.live.has_table(&name) {
        return None;
    }
    let table = qualified(spot, &name);
    let step = as_owner(
        case,
        Change::Add,
        Subject::Plane,
        name.clone(),
        "events are written here, with the change that they tell of",
    )
    .run(format!(
        "CREATE TABLE {table} (
  id bigint PRIMARY KEY,
  event_id uuid NOT NULL DEFAULT pg_catalog.gen_random_uuid(),
  xid xid8 NOT NULL,
  topic text COLLATE \"C\" NOT NULL CHECK (pg_catalog.octet_length(topic) <= 120 AND topic ~ '^[a-z][a-z0-9_]*([.][a-z][a-z0-9_]*)*[.]v[1-9][0-9]*$'),
  key text COLLATE \"C\" NOT NULL CHECK (pg_catalog.octet_length(key) <= 1024),
  lane smallint NOT NULL,
  payload json,
  headers json,
  occurred_at timestamptz NOT NULL
)"
    ))
    .run(format!(
        "CREATE INDEX {} ON {table} (xid, id)",
        ident(&format!("{name}_xid"))
    ))
    // One number at a time: a cached range would be older than the lock.
    .run(format!("CREATE SEQUENCE {} CACHE 1", sequence(spot)));
    Some(step)
}

/// The functions and triggers behind the outbox, made anew where their text is another one.
fn triggers(case: &Case<'_>) -> Option<Step> {
    let want = case.want;
    let spot = &want.spot;
    let functions = functions(want);
    let same = functions.iter().all(|function| {
        let key = format!("{}({})", spot.own(function.name), function.arguments);
        let found = case.live.routines.get(&key);
        found.is_some_and(|found| {
            found.fingerprint == function.fingerprint() && case.owned(&found.owner)
        })
    });
    let statements = trigger_statements(spot);
    let there = statements.iter().all(|trigger| {
        let key = format!("{}/{} trigger", spot.own("outbox"), trigger.name);
        let found = case.live.routines.get(&key);
        found.is_some_and(|found| {
            found.body.contains(trigger.when) && found.body.contains(trigger.each)
        })
    });
    if same && there {
        return None;
    }
    let table = qualified(spot, &spot.own("outbox"));
    let mut step = as_owner(
        case,
        Change::Add,
        Subject::Plane,
        spot.own("outbox_order"),
        "a key's events take their numbers in the order of commits; a commit wakes the relay",
    );
    for function in &functions {
        let name = qualified(spot, &spot.own(function.name));
        let (arguments, returns) = (function.arguments, function.returns);
        step = step
            .run(format!(
                "CREATE OR REPLACE FUNCTION {name}({}{arguments}) RETURNS {returns} LANGUAGE plpgsql AS $freehold${}$freehold$",
                if arguments.is_empty() { "" } else { "key " },
                function.body
            ))
            .run(format!("REVOKE ALL ON FUNCTION {name}({arguments}) FROM PUBLIC CASCADE"));
    }
    for trigger in statements {
        let Trigger { name, when, each } = trigger;
        let function = qualified(spot, &name);
        let name = ident(&name);
        step = step
            .run(format!("DROP TRIGGER IF EXISTS {name} ON {table}"))
            .run(format!(
                "CREATE TRIGGER {name} {when} ON {table} {each} EXECUTE FUNCTION {function}()"
            ));
    }
    Some(step)
}

/// A trigger, called like its function.
struct Trigger {
    name: String,
    when: &'static str,
    each: &'static str,
}

struct Function {
    name: &'static str,
    arguments: &'static str,
    returns: &'static str,
    body: String,
}

impl Function {
    fn fingerprint(&self) -> String {
        routine_fingerprint("plpgsql", false, &[], &self.body)
    }
}

/// The key's slot is locked until the transaction ends, and only then is the number taken: within
/// a key numbers rise in the order of commits, whatever order a program writes its rows in.
/// `freehold_lock` takes the same slot, for those who read before they write.
fn functions(want: &Want) -> [Function; 3] {
    let class = lock_class(want);
    let number = literal(&sequence(&want.spot));
    let slot = |key: &str| {
        format!(
            "digest := pg_catalog.decode(pg_catalog.md5(pg_catalog.convert_to({key}, 'UTF8')), 'hex');
  PERFORM pg_catalog.pg_advisory_xact_lock({class}, (pg_catalog.get_byte(digest, 0) * 256 + pg_catalog.get_byte(digest, 1)) % {SLOTS});"
        )
    };
    [
        Function {
            name: "outbox_number",
            arguments: "",
            returns: "trigger",
            body: format!(
                "
DECLARE digest bytea;
BEGIN
  {}
  NEW.occurred_at := pg_catalog.clock_timestamp();
  NEW.id := pg_catalog.nextval({number});
  NEW.xid := pg_catalog.pg_current_xact_id();
  NEW.lane := pg_catalog.get_byte(digest, 15) & 63;
  RETURN NEW;
END
",
                slot("NEW.key")
            ),
        },
        Function {
            name: "outbox_wake",
            arguments: "",
            returns: "trigger",
            body: format!(
                "
BEGIN
  IF NOT pg_catalog.pg_try_advisory_xact_lock_shared({class}, {SLOTS}) THEN
    PERFORM pg_catalog.pg_notify('{}', '');
  END IF;
  RETURN NULL;
END
",
                channel(want)
            ),
        },
        Function {
            name: "lock",
            arguments: "text",
            returns: "void",
            body: format!(
                "
DECLARE digest bytea;
BEGIN
  {}
END
",
                slot("$1")
            ),
        },
    ]
}

fn trigger_statements(spot: &Spot) -> [Trigger; 2] {
    [
        Trigger {
            name: spot.own("outbox_number"),
            when: "BEFORE INSERT",
            each: "FOR EACH ROW",
        },
        Trigger {
            name: spot.own("outbox_wake"),
            when: "AFTER INSERT",
            each: "FOR EACH STATEMENT",
        },
    ]
}

fn bookkeeping(case: &Case<'_>, missing: &[&Table]) -> Step {
    let spot = &case.want.spot;
    let names: Vec<&str> = missing.iter().map(|table| table.name).collect();
    let mut step = as_owner(
        case,
        Change::Add,
        Subject::Plane,
        spot.own(names[0]),
        &names.join(", "),
    );
    for table in missing {
        let own = spot.own(table.name);
        let name = qualified(spot, &own);
        step = step.run(format!("CREATE TABLE {name} ({})", table.columns));
        if table.name == "parked" {
            let index = ident(&format!("{own}_key"));
            step = step.run(format!("CREATE INDEX {index} ON {name} (source, key)"));
        }
    }
    step
}

/// The view through which the sidecar reads today's rows, once its tables are there.
fn snapshot(case: &Case<'_>, event: &str, select: &str) -> Option<Step> {
    let spot = &case.want.spot;
    let name = snapshot_view(spot, event);
    if case.live.has_table(&name) || !reads_only_what_is_there(case, select) {
        return None;
    }
    let view = qualified(spot, &name);
    let note = format!("today's rows of {event}, for whoever begins a copy");
    let path = format!("SET LOCAL search_path = {}", ident(&spot.schema));
    let sql = format!("CREATE VIEW {view} (key, payload) AS {select}");
    Some(
        as_owner(case, Change::Add, Subject::Plane, name, &note)
            .run(path)
            .run(sql),
    )
}

fn reads_only_what_is_there(case: &Case<'_>, select: &str) -> bool {
    let uses = freehold_sql::uses(Dialect::Postgres, select);
    !uses.tables.is_empty()
        && uses
            .tables
            .iter()
            .all(|used| case.live.has_table(used.name.table()))
}

/// Removes the views of today's rows: no table that one reads can be dropped or changed.
pub(crate) fn unbind(want: &Want) -> Vec<Step> {
    let events = want.plane.snapshots.keys();
    let views = events.map(|event| snapshot_view(&want.spot, event));
    let drop = |view: String| {
        let note = "made again after the migrations";
        let sql = format!("DROP VIEW IF EXISTS {}", qualified(&want.spot, &view));
        Step::new(Change::Remove, Subject::Plane, At::Store, view, note)
            .run(format!("SET LOCAL ROLE {}", ident(&want.identities.owner)))
            .run(sql)
    };
    views.map(drop).collect()
}

/// `freehold_snapshot_book_changed_v1`.
pub(crate) fn snapshot_view(spot: &Spot, event: &str) -> String {
    freehold_model::fit(
        &spot.own(&format!("snapshot_{}", event.replace('.', "_"))),
        63,
    )
}

/// Every right on the plane, whether its tables are there yet or not.
pub(crate) fn rights(want: &Want) -> Vec<Grant> {
    let spot = &want.spot;
    let names = &want.identities;
    let mut grants = Vec::new();
    let mut add = |who: &str, on: Object, right: &str| grants.push(Grant::new(who, on, right));
    for table in self::names(want) {
        add(&names.backup, Object::Table(table.clone()), "SELECT");
        if table == spot.own("outbox") {
            continue;
        }
        for right in ["SELECT", "INSERT", "UPDATE", "DELETE"] {
            add(&names.sidecar, Object::Table(table.clone()), right);
        }
    }
    if want.plane.publishes {
        let outbox = spot.own("outbox");
        for who in [&names.app.role, &names.sidecar] {
            for column in SAID {
                add(
                    who,
                    Object::Column(outbox.clone(), column.to_owned()),
                    "INSERT",
                );
            }
            add(who, Object::Sequence(spot.own("outbox_id")), "USAGE");
        }
        for column in READ_BACK {
            add(
                &names.app.role,
                Object::Column(outbox.clone(), column.to_owned()),
                "SELECT",
            );
        }
        add(&names.sidecar, Object::Table(outbox.clone()), "SELECT");
        add(&names.sidecar, Object::Table(outbox), "DELETE");
    }
    grants
}

/// The id of the outbox rows.
pub(crate) fn sequence(spot: &Spot) -> String {
    qualified(spot, &spot.own("outbox_id"))
}

/// Advisory locks of this store have this first key; several stores may share a database.
pub(crate) fn lock_class(want: &Want) -> i32 {
    let digest = Sha256::digest(want.mark().as_bytes());
    i32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
}

/// The second key of the lock that a sleeping relay holds.
pub(crate) const WAKE: u16 = SLOTS;

/// What a commit notifies while the relay sleeps.
pub(crate) fn channel(want: &Want) -> String {
    format!("freehold_{:08x}", lock_class(want).cast_unsigned())
}
