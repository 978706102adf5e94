//! Outbox tables that a service had before: a trigger puts what is inserted there into ours, in the
//! same transaction, where it gets its number behind the key's lock. Pure.
//!
//! Nothing about the table itself changes. Rows that were there before are handed over once, when
//! the trigger is first made; writers are locked out of the table for as long as that takes. A row
//! that was handed over by a run that was killed then is known by its event id.

use freehold_engine::{At, Change, Live, Probe, Spot, Step, Subject, Want};
use freehold_model::{AdoptedOutbox, fit};

use crate::names::{account, accounts_host, ident, literal, object};
use crate::plane::TRIGGERS_UNSEEN;
use crate::statements::NOW;

/// What the names of triggers begin with, behind the store's own prefix.
const FORWARD: &str = "forward_";

/// Steps that make the triggers, and remove those whose table is not adopted any more.
pub(crate) fn steps(probe: &Probe, want: &Want, live: &Live) -> Vec<Step> {
    if live.facts.contains_key(TRIGGERS_UNSEEN) {
        return Vec::new();
    }
    let adopted = &want.plane.adopted;
    let whole = adopted.iter().filter(|(table, adopted)| {
        let found = live.tables.get(*table).filter(|found| !found.view);
        let has =
            |column: &&str| found.is_some_and(|found| found.columns.iter().any(|it| it == column));
        adopted.columns().iter().all(has)
    });
    let mut steps: Vec<Step> = whole
        .filter_map(|(table, adopted)| forward(probe, want, live, table, adopted))
        .collect();
    let wanted = |trigger: &str| {
        adopted
            .keys()
            .any(|table| name(&want.spot, table) == trigger)
    };
    let ours = want.spot.own(FORWARD);
    let triggers = live
        .routines
        .keys()
        .filter_map(|key| key.strip_prefix("trigger "));
    for trigger in triggers.filter(|name| name.starts_with(&ours) && !wanted(name)) {
        let note = "its table is not adopted any more";
        let step = Step::new(Change::Remove, Subject::Plane, At::Server, trigger, note);
        steps.push(step.not_atomic().run(drop(&want.spot, trigger)));
    }
    steps
}

fn name(spot: &Spot, table: &str) -> String {
    fit(&spot.own(&format!("{FORWARD}{table}")), 64)
}

fn drop(spot: &Spot, trigger: &str) -> String {
    format!("DROP TRIGGER IF EXISTS {}", object(&spot.database, trigger))
}

fn forward(
    probe: &Probe,
    want: &Want,
    live: &Live,
    table: &str,
    adopted: &AdoptedOutbox,
) -> Option<Step> {
    let spot = &want.spot;
    let (own, body) = (name(spot, table), body(spot, adopted));
    let found = live.routines.get(&format!("trigger {own}"));
    if found.is_some_and(|found| found.body == body || found.body.ends_with(&body)) {
        return None;
    }
    let place = object(&spot.database, table);
    let definer = account(&want.identities.owner, accounts_host(probe));
    let change = if found.is_some() {
        Change::Change
    } else {
        Change::Add
    };
    let note = format!("what is inserted into {table} is published");
    let step = Step::new(change, Subject::Plane, At::Server, own.clone(), note).not_atomic();
    let make = format!(
        "CREATE DEFINER = {definer} TRIGGER {} AFTER INSERT ON {place} FOR EACH ROW {body}",
        object(&spot.database, &own)
    );
    let Some([rows, told]) = backlog(spot, table, adopted) else {
        return Some(step.run(drop(spot, &own)).run(make));
    };
    let outbox = object(&spot.database, &spot.own("outbox"));
    let note = object(&spot.database, &spot.own("note"));
    // A trigger that an earlier form left writes tables that are not locked here.
    let step = step.run(drop(spot, &own)).run(format!(
        "LOCK TABLES {place} WRITE, {outbox} WRITE, {outbox} AS seen READ, {note} WRITE"
    ));
    Some(step.run(rows).run(make).run(told).run("UNLOCK TABLES"))
}

/// Text without quotes, so that every catalog shows a trigger as it was written.
fn bare(text: &str) -> String {
    format!("0x{}", freehold_engine::hex(text.as_bytes()))
}

/// The event of a row's type, NULL for others.
fn event(adopted: &AdoptedOutbox, row: &str) -> String {
    let cases: Vec<String> = adopted
        .events
        .iter()
        .map(|(kind, event)| {
            format!(
                "WHEN {} THEN CONVERT({} USING utf8mb4)",
                bare(kind),
                bare(event)
            )
        })
        .collect();
    let kind = ident(&adopted.kind);
    format!("CASE CAST({row}{kind} AS BINARY) {} END", cases.join(" "))
}

fn unpublished(adopted: &AdoptedOutbox, row: &str) -> String {
    adopted.published.as_ref().map_or(String::new(), |column| {
        format!(" AND {row}{} IS NOT TRUE", ident(column))
    })
}

fn values(adopted: &AdoptedOutbox, row: &str) -> String {
    let (key, payload) = (ident(&adopted.key), ident(&adopted.payload));
    format!("CAST({row}{key} AS CHAR), {row}{payload}")
}

fn body(spot: &Spot, adopted: &AdoptedOutbox) -> String {
    let event = event(adopted, "NEW.");
    format!(
        "IF {event} IS NOT NULL{} THEN\nINSERT INTO {} (topic, `key`, payload) VALUES ({event}, {});\nEND IF",
        unpublished(adopted, "NEW."),
        object(&spot.database, &spot.own("outbox")),
        values(adopted, "NEW."),
    )
}

/// What nobody has published yet, in order, once in the life of a store. Only where the table says
/// both.
fn backlog(spot: &Spot, table: &str, adopted: &AdoptedOutbox) -> Option<[String; 2]> {
    let (id, _) = (adopted.id.as_ref()?, adopted.published.as_ref()?);
    let outbox = object(&spot.database, &spot.own("outbox"));
    let note = object(&spot.database, &spot.own("note"));
    let event = event(adopted, "");
    // A row's own event id, the same in every run: no UUID looks like it.
    let own = format!(
        "CONVERT(LEFT(SHA2(CONCAT({}, CAST({} AS CHAR)), 256), 32) USING ascii) COLLATE ascii_bin",
        literal(&format!("{table}/")),
        ident(id)
    );
    let told = format!("what = 'adopted' AND detail = {}", literal(table));
    Some([
        format!(
            "INSERT INTO {outbox} (event_id, topic, `key`, payload) SELECT {own}, {event}, {} FROM {place}
 WHERE {event} IS NOT NULL{} AND {own} NOT IN (SELECT event_id FROM {outbox} AS seen)
 AND NOT EXISTS (SELECT 1 FROM {note} WHERE {told}) ORDER BY {}",
            values(adopted, ""),
            unpublished(adopted, ""),
            ident(id),
            place = object(&spot.database, table),
        ),
        format!(
            "INSERT INTO {note} (who, what, detail, at) VALUES ('apply', 'adopted', {}, {NOW})",
            literal(table)
        ),
    ])
}
