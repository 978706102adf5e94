//! The event plane's tables, numbers and triggers, and who may do what with them. What the sidecar
//! asks of them is in `statements.rs`; how the outbox is read, in `outbox.rs`.
//!
//! Pure. Every statement commits for itself and may be sent again, and the outbox is made last: once
//! it is there, so is what its trigger needs. Made once and then left alone: a later form will come
//! with a step that changes it.

use freehold_engine::{At, Change, Grant, Live, Object, Probe, Spot, Step, Subject, Want};
use freehold_model::{Fault, fit};
use freehold_sql::Dialect;

use crate::adopted;
use crate::names::{account, accounts_host, ident, object};
use crate::probe::{holds, is_mysql};
use crate::read_models;

/// What a program may say of its event; everything else the trigger fills in.
const SAID: [&str; 5] = ["event_id", "topic", "key", "payload", "headers"];
/// What a program may read back.
const READ_BACK: [&str; 2] = ["id", "event_id"];
/// Slots that a store's keys share: a row each, filled once and never changed. A lock row per key
/// would grow for ever, and one that is written breaks under `innodb_snapshot_isolation`.
pub(crate) const SLOTS: u16 = 1_024;
/// Under which name `Live::facts` says that triggers do not show themselves to this login.
pub(crate) const TRIGGERS_UNSEEN: &str = "triggers_unseen";

pub(crate) const FORM: &str = "ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";

type Table = (&'static str, &'static str);

/// What a store that publishes has besides the outbox.
const RELAY: [Table; 3] = [
    (
        "incarnation",
        "number BIGINT NOT NULL PRIMARY KEY, token VARCHAR(60) NOT NULL, fingerprint VARCHAR(1000) NOT NULL, base VARCHAR(120) NOT NULL",
    ),
    (
        "batch",
        "batch BIGINT NOT NULL PRIMARY KEY, incarnation VARCHAR(60) NOT NULL, epoch BIGINT NOT NULL, `cursor` MEDIUMTEXT NOT NULL, \
         ids MEDIUMTEXT NOT NULL, digest VARCHAR(64) NOT NULL, prevs MEDIUMTEXT NOT NULL, pending TEXT NOT NULL, last_page BOOLEAN NOT NULL, \
         at BIGINT NOT NULL, is_open BOOLEAN AS (OCTET_LENGTH(pending) > 0) VIRTUAL, KEY (is_open, batch)",
    ),
    (
        "head",
        "topic VARCHAR(120) NOT NULL PRIMARY KEY, heads MEDIUMTEXT NOT NULL",
    ),
];

/// What a store that keeps copies has.
const APPLIER: [Table; 6] = [
    (
        "watermark",
        "source VARCHAR(255) NOT NULL, topic VARCHAR(120) NOT NULL, lane TINYINT UNSIGNED NOT NULL, position VARCHAR(80) NOT NULL, \
         PRIMARY KEY (source, topic, lane)",
    ),
    (
        "parked",
        "source VARCHAR(255) NOT NULL, position VARCHAR(80) NOT NULL, topic VARCHAR(120) NOT NULL, `key` VARCHAR(1024) NOT NULL, \
         event_id VARCHAR(36) NOT NULL, cause TEXT NOT NULL, message LONGTEXT NOT NULL, since BIGINT NOT NULL, \
         tries BIGINT NOT NULL DEFAULT 1, PRIMARY KEY (source, position), KEY (source, `key`(191))",
    ),
    (
        "freshness",
        "source VARCHAR(255) NOT NULL PRIMARY KEY, position VARCHAR(80) NOT NULL, ticked_at BIGINT NOT NULL, seen_at BIGINT NOT NULL",
    ),
    (
        "fill",
        "copy VARCHAR(64) NOT NULL PRIMARY KEY, source VARCHAR(255) NOT NULL, state VARCHAR(60) NOT NULL, `cursor` TEXT NOT NULL, \
         stamp VARCHAR(80) NOT NULL, `rows` BIGINT NOT NULL",
    ),
    (
        "passed",
        "source VARCHAR(255) NOT NULL, event VARCHAR(120) NOT NULL, how VARCHAR(10) NOT NULL, at BIGINT NOT NULL, \
         PRIMARY KEY (source, event)",
    ),
    // A key of 1,024 characters is too long for an index, one of 1,024 bytes is not.
    (
        "tombstone",
        "copy VARCHAR(64) NOT NULL, `key` VARBINARY(1024) NOT NULL, stamp VARCHAR(80) NOT NULL, PRIMARY KEY (copy, `key`)",
    ),
];

/// What both have.
const BOTH: [Table; 2] = [
    (
        "leadership",
        "name VARCHAR(60) NOT NULL PRIMARY KEY, holder VARCHAR(255) NOT NULL, epoch BIGINT NOT NULL, until BIGINT NOT NULL",
    ),
    (
        "note",
        "id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, who VARCHAR(255) NOT NULL, what VARCHAR(255) NOT NULL, detail TEXT NOT NULL, \
         at BIGINT NOT NULL",
    ),
];

/// No row without the trigger: it alone gives an id. A UUID is made of time and place by this
/// server, so none comes again after a restore.
const OUTBOX: &str = "id BIGINT NOT NULL DEFAULT 0 PRIMARY KEY CHECK (id > 0), \
 event_id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT (UUID()) \
 CHECK (COALESCE(OCTET_LENGTH(UNHEX(REPLACE(event_id, '-', ''))), 0) = 16), \
 topic VARCHAR(120) NOT NULL CHECK (topic REGEXP '^[a-z][a-z0-9_]*([.][a-z][a-z0-9_]*)*[.]v[1-9][0-9]*$'), \
 `key` VARCHAR(1024) NOT NULL CHECK (OCTET_LENGTH(`key`) <= 1024), \
 payload LONGTEXT CHECK (payload IS NULL OR JSON_VALID(payload)), \
 headers LONGTEXT CHECK (headers IS NULL OR JSON_VALID(headers)), \
 occurred_at DATETIME(6) NOT NULL DEFAULT '1970-01-01 00:00:00'";

/// The tables that this store should have, besides the outbox and what stands behind it.
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
        tables.push(&read_models::WORK);
    }
    tables
}

/// Steps that make what is missing, and views of today's rows whose tables are there.
pub(crate) fn steps(probe: &Probe, want: &Want, live: &Live) -> Vec<Step> {
    let mut steps = Vec::new();
    if want.plane.publishes {
        steps.extend(outbox(probe, want, live));
        steps.extend(order(probe, want, live));
    }
    let missing: Vec<&Table> = tables(want)
        .into_iter()
        .filter(|(name, _)| !live.has_table(&want.spot.own(name)))
        .collect();
    if let Some((first, _)) = missing.first() {
        let names: Vec<&str> = missing.iter().map(|(name, _)| *name).collect();
        let step = add(want.spot.own(first), &names.join(", "));
        let made = missing.iter().map(|(name, columns)| {
            let name = qualified(&want.spot, name);
            format!("CREATE TABLE IF NOT EXISTS {name} ({columns}) {FORM}")
        });
        steps.push(made.fold(step, Step::run));
    }
    let snapshots = want.plane.snapshots.iter();
    steps
        .extend(snapshots.filter_map(|(event, select)| snapshot(probe, want, live, event, select)));
    steps.extend(read_models::steps(probe, want, live));
    steps.extend(adopted::steps(probe, want, live));
    steps
}

fn add(name: String, note: &str) -> Step {
    Step::new(Change::Add, Subject::Plane, At::Server, name, note).not_atomic()
}

fn qualified(spot: &Spot, name: &str) -> String {
    object(&spot.database, &spot.own(name))
}

fn outbox(probe: &Probe, want: &Want, live: &Live) -> Option<Step> {
    let spot = &want.spot;
    if live.has_table(&spot.own("outbox")) {
        return None;
    }
    let slots = qualified(spot, "outbox_slot");
    let number = qualified(spot, "outbox_id");
    let numbers = if is_mysql(probe) {
        format!(
            "CREATE TABLE IF NOT EXISTS {number} (id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY) {FORM}"
        )
    } else {
        format!("CREATE SEQUENCE IF NOT EXISTS {number} ENGINE = InnoDB")
    };
    let note = "events are written here, with the change that they tell of";
    let step = add(spot.own("outbox"), note)
        .run(format!(
            "CREATE TABLE IF NOT EXISTS {slots} (slot SMALLINT UNSIGNED NOT NULL PRIMARY KEY) {FORM}"
        ))
        // 32 times 32; one series as long as that is more than MySQL recurses.
        .run(format!(
            "INSERT IGNORE INTO {slots} WITH RECURSIVE d AS (SELECT 0 AS n UNION ALL SELECT n + 1 FROM d WHERE n < 31) \
             SELECT a.n * 32 + b.n FROM d a CROSS JOIN d b"
        ))
        .run(numbers)
        .run(format!(
            "CREATE TABLE IF NOT EXISTS {} ({OUTBOX}) {FORM}",
            qualified(spot, "outbox")
        ));
    Some(step)
}

/// The trigger behind the outbox and the function beside it, made anew where their text is another.
fn order(probe: &Probe, want: &Want, live: &Live) -> Option<Step> {
    let (spot, host, mysql) = (&want.spot, accounts_host(probe), is_mysql(probe));
    let owner = format!("{}@{host}", want.identities.owner);
    let (number, lock) = (number_body(spot, mysql), lock_body(spot));
    let same = |key: String, body: &str| {
        let found = live.routines.get(&key);
        found.is_some_and(|found| {
            let text = found.body == body || (mysql && found.body.ends_with(body));
            text && found.definer && found.owner == owner
        })
    };
    let trigger = spot.own("outbox_number");
    let unseen = live.facts.contains_key(TRIGGERS_UNSEEN) && live.has_table(&spot.own("outbox"));
    if (unseen || same(format!("trigger {trigger}"), &number)) && same(lock_key(want), &lock) {
        return None;
    }
    let definer = account(&want.identities.owner, host);
    let note = "a key's events take their numbers in the order of commits";
    let step = add(trigger, note);
    let replace = |step: Step, kind: &str, name: &str, rest: String| {
        if mysql {
            step.run(format!("DROP {kind} IF EXISTS {name}"))
                .run(format!("CREATE DEFINER = {definer} {kind} {name} {rest}"))
        } else {
            step.run(format!(
                "CREATE OR REPLACE DEFINER = {definer} {kind} {name} {rest}"
            ))
        }
    };
    let on = qualified(spot, "outbox");
    let step = replace(
        step,
        "TRIGGER",
        &qualified(spot, "outbox_number"),
        format!("BEFORE INSERT ON {on} FOR EACH ROW {number}"),
    );
    let function = qualified(spot, "lock");
    let step = replace(
        step,
        "FUNCTION",
        &function,
        format!(
            "(name VARCHAR(1024) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin) RETURNS INT READS SQL DATA SQL SECURITY DEFINER {lock}"
        ),
    );
    // Dropping a function takes the rights on it along.
    let callers = want.identities.app.logins.iter();
    Some(callers.fold(step, |step, login| {
        let to = account(login, host);
        step.run(format!("GRANT EXECUTE ON FUNCTION {function} TO {to}"))
    }))
}

/// The key's slot is locked until the transaction ends, and only then is the number taken: within a
/// key numbers rise in the order of commits, whatever order a program writes its rows in. An
/// `AUTO_INCREMENT` of the outbox itself would be given before the trigger runs.
///
/// Without quotes, so that every catalog shows the text as it is.
fn number_body(spot: &Spot, mysql: bool) -> String {
    let number = qualified(spot, "outbox_id");
    let take = if mysql {
        format!(
            "INSERT INTO {number} () VALUES ();\n\
             SET NEW.id = LAST_INSERT_ID();\n\
             DELETE FROM {number} WHERE id = NEW.id;"
        )
    } else {
        format!("SET NEW.id = NEXTVAL({number});")
    };
    format!(
        "BEGIN\n{}\n{take}\nSET NEW.occurred_at = UTC_TIMESTAMP(6);\nEND",
        lock_slot(spot, "NEW.`key`")
    )
}

/// `freehold_lock` takes the same slot, for those who read before they write.
fn lock_body(spot: &Spot) -> String {
    format!("BEGIN\n{}\nRETURN taken;\nEND", lock_slot(spot, "name"))
}

/// By a sum that both products have: the newest MySQL has no MD5 without a component.
fn lock_slot(spot: &Spot, key: &str) -> String {
    format!(
        "DECLARE wanted SMALLINT UNSIGNED DEFAULT CRC32({key}) MOD {SLOTS};\n\
         DECLARE taken SMALLINT UNSIGNED;\n\
         SELECT slot INTO taken FROM {} WHERE slot = wanted FOR UPDATE;",
        qualified(spot, "outbox_slot")
    )
}

fn lock_key(want: &Want) -> String {
    format!("function {}", want.spot.own("lock"))
}

/// The view through which the sidecar reads today's rows, once its tables are there.
fn snapshot(probe: &Probe, want: &Want, live: &Live, event: &str, select: &str) -> Option<Step> {
    let name = snapshot_view(&want.spot, event);
    if live.has_table(&name) || !reads_only_what_is_there(live, select) {
        return None;
    }
    let note = format!("today's rows of {event}, for whoever begins a copy");
    let database = &want.spot.database;
    let definer = account(&want.identities.owner, accounts_host(probe));
    let view = object(database, &name);
    let made = format!(
        "CREATE OR REPLACE DEFINER = {definer} SQL SECURITY DEFINER VIEW {view} (`key`, payload) AS {select}"
    );
    // The names in the description's text are the store's.
    let step = Step::new(Change::Add, Subject::Plane, At::Store, name, &note).not_atomic();
    Some(step.run(format!("USE {}", ident(database))).run(made))
}

fn reads_only_what_is_there(live: &Live, select: &str) -> bool {
    let uses = freehold_sql::uses(Dialect::Mysql, select);
    let there = |name: &str| live.has_table(name);
    !uses.tables.is_empty() && uses.tables.iter().all(|used| there(used.name.table()))
}

/// Removes the views of today's rows: one whose table is gone breaks whoever dumps the database.
pub(crate) fn unbind(want: &Want) -> Vec<Step> {
    let events = want.plane.snapshots.keys();
    let views = events.map(|event| snapshot_view(&want.spot, event));
    let drop = |view: String| {
        let note = "made again after the migrations";
        let sql = format!("DROP VIEW IF EXISTS {}", object(&want.spot.database, &view));
        Step::new(Change::Remove, Subject::Plane, At::Server, view, note)
            .not_atomic()
            .run(sql)
    };
    views.map(drop).collect()
}

/// `freehold_snapshot_book_changed_v1`.
pub(crate) fn snapshot_view(spot: &Spot, event: &str) -> String {
    fit(
        &spot.own(&format!("snapshot_{}", event.replace('.', "_"))),
        64,
    )
}

/// Every right on the plane, whether its tables are there yet or not; on copies where they are, and
/// on views of today's rows where they are or are made now.
pub(crate) fn rights(want: &Want, live: &Live) -> Vec<Grant> {
    let (spot, names) = (&want.spot, &want.identities);
    let mut grants = Vec::new();
    let mut add = |who: &str, on: &Object, rights: &[&str]| {
        grants.extend(
            rights
                .iter()
                .map(|right| Grant::new(who, on.clone(), right)),
        );
    };
    for (table, _) in tables(want) {
        let on = Object::Table(spot.own(table));
        add(&names.backup, &on, &["SELECT"]);
        add(
            &names.sidecar,
            &on,
            &["SELECT", "INSERT", "UPDATE", "DELETE"],
        );
    }
    if want.plane.publishes {
        for behind in ["outbox", "outbox_slot", "outbox_id"] {
            add(&names.backup, &Object::Table(spot.own(behind)), &["SELECT"]);
        }
        let outbox = spot.own("outbox");
        let whole = Object::Table(outbox.clone());
        add(&names.sidecar, &whole, &["SELECT", "DELETE"]);
        let slots = Object::Table(spot.own("outbox_slot"));
        add(&names.sidecar, &slots, &["SELECT"]);
        let [first, second] = &names.app.logins;
        for column in SAID {
            let on = Object::Column(outbox.clone(), column.to_owned());
            for who in [first, second, &names.sidecar] {
                add(who, &on, &["INSERT"]);
            }
        }
        for login in [first, second] {
            for column in READ_BACK {
                let on = Object::Column(outbox.clone(), column.to_owned());
                add(login, &on, &["SELECT"]);
            }
            add(login, &Object::Routine(lock_key(want)), &["EXECUTE"]);
        }
    }
    for copy in want.plane.copies.keys().filter(|copy| live.has_table(copy)) {
        let on = Object::Table(copy.clone());
        add(
            &names.sidecar,
            &on,
            &["SELECT", "INSERT", "UPDATE", "DELETE"],
        );
    }
    for (event, select) in &want.plane.snapshots {
        let view = snapshot_view(spot, event);
        if live.has_table(&view) || reads_only_what_is_there(live, select) {
            let on = Object::Table(view);
            add(&names.sidecar, &on, &["SELECT"]);
            add(&names.backup, &on, &["SELECT", "SHOW VIEW"]);
        }
    }
    grants.extend(read_models::rights(want, live));
    grants
}

/// Why the outbox's trigger cannot be made.
pub(crate) fn refusal(probe: &Probe, want: &Want, live: &Live) -> Option<Fault> {
    let setting = |name: &str| {
        let value = probe.settings.get(name).map_or("", String::as_str);
        matches!(value.to_uppercase().as_str(), "ON" | "1" | "YES")
    };
    let untrusted = setting("log_bin") && !setting("log_bin_trust_function_creators");
    let due = want.plane.publishes && order(probe, want, live).is_some();
    (due && untrusted && !holds(&probe.rights, "super")).then(|| {
        let message = format!(
            "{}: the server writes a binlog and trusts no function creators, so the outbox's trigger cannot be made (1419)",
            want.label()
        );
        Fault::new("FH3135", message)
            .help("as an administrator of the server: SET GLOBAL log_bin_trust_function_creators = 1")
            .help("or apply as an admin with SUPER")
    })
}
