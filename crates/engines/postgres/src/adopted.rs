//! Outbox tables that a service had before: a trigger puts what is inserted there into ours, in the
//! same transaction, where it gets its number behind the key's lock. Pure.
//!
//! Nothing about the table itself changes. The trigger runs as whoever inserts, who may insert into
//! ours anyway. Rows that were there before are handed over once, when the trigger is first made.

use freehold_engine::{At, Change, Spot, Step, Subject};
use freehold_model::{AdoptedOutbox, fit};

use crate::case::Case;
use crate::names::{ident, literal, qualified};
use crate::rows::routine_fingerprint;

/// What the names of triggers and their functions begin with, behind the store's own prefix.
const FORWARD: &str = "forward_";

/// Steps that make the triggers, and remove those whose table is not adopted any more.
pub(crate) fn steps(case: &Case<'_>) -> Vec<Step> {
    let adopted = &case.want.plane.adopted;
    let whole = adopted.iter().filter(|(table, adopted)| {
        let found = case.live.tables.get(*table).filter(|found| !found.view);
        let has =
            |column: &&str| found.is_some_and(|found| found.columns.iter().any(|it| it == column));
        adopted.columns().iter().all(has)
    });
    let mut steps: Vec<Step> = whole
        .filter_map(|(table, adopted)| forward(case, table, adopted))
        .collect();
    steps.extend(left(case));
    steps
}

fn name(spot: &Spot, table: &str) -> String {
    fit(&spot.own(&format!("{FORWARD}{table}")), 63)
}

fn forward(case: &Case<'_>, table: &str, adopted: &AdoptedOutbox) -> Option<Step> {
    let spot = &case.want.spot;
    let own = name(spot, table);
    let body = body(spot, adopted);
    let function = case.live.routines.get(&format!("{own}()"));
    let trigger = case.live.routines.get(&format!("{table}/{own} trigger"));
    let same = function.is_some_and(|found| {
        found.fingerprint == routine_fingerprint("plpgsql", false, &[], &body)
            && case.owned(&found.owner)
    });
    if same && trigger.is_some() {
        return None;
    }
    let (at, place) = (qualified(spot, &own), qualified(spot, table));
    let step = Step::new(
        if trigger.is_some() { Change::Change } else { Change::Add },
        Subject::Plane,
        At::Store,
        own.clone(),
        format!("what is inserted into {table} is published"),
    )
    .run(format!("SET LOCAL ROLE {}", ident(&case.want.identities.owner)))
    .run(format!(
        "CREATE OR REPLACE FUNCTION {at}() RETURNS trigger LANGUAGE plpgsql AS $freehold${body}$freehold$"
    ))
    .run(format!("REVOKE ALL ON FUNCTION {at}() FROM PUBLIC CASCADE"))
    .run(format!("DROP TRIGGER IF EXISTS {} ON {place}", ident(&own)))
    .run(format!(
        "CREATE TRIGGER {} AFTER INSERT ON {place} FOR EACH ROW EXECUTE FUNCTION {at}()",
        ident(&own)
    ));
    // Writers wait from CREATE TRIGGER on until this is committed.
    Some(match backlog(spot, table, adopted) {
        Some([rows, note]) => step.run(rows).run(note),
        None => step,
    })
}

/// The event of a row's type, NULL for others.
fn event(adopted: &AdoptedOutbox, row: &str) -> String {
    let cases: Vec<String> = adopted
        .events
        .iter()
        .map(|(kind, event)| format!("WHEN {} THEN {}", literal(kind), literal(event)))
        .collect();
    format!(
        "CASE {row}.{}::pg_catalog.text {} END",
        ident(&adopted.kind),
        cases.join(" ")
    )
}

fn values(adopted: &AdoptedOutbox, row: &str) -> String {
    format!(
        "{row}.{}::pg_catalog.text, {row}.{}::pg_catalog.text::pg_catalog.json",
        ident(&adopted.key),
        ident(&adopted.payload)
    )
}

fn body(spot: &Spot, adopted: &AdoptedOutbox) -> String {
    let published = adopted.published.as_ref().map_or(String::new(), |column| {
        format!(" AND NEW.{} IS NOT TRUE", ident(column))
    });
    format!(
        "
DECLARE event pg_catalog.text := {};
BEGIN
  IF event IS NOT NULL{published} THEN
    INSERT INTO {} (topic, key, payload) VALUES (event, {});
  END IF;
  RETURN NULL;
END
",
        event(adopted, "NEW"),
        qualified(spot, &spot.own("outbox")),
        values(adopted, "NEW"),
    )
}

/// What nobody has published yet, in order, once in the life of a store. Only where the table says
/// both.
fn backlog(spot: &Spot, table: &str, adopted: &AdoptedOutbox) -> Option<[String; 2]> {
    let (id, published) = (adopted.id.as_ref()?, adopted.published.as_ref()?);
    let note = qualified(spot, &spot.own("note"));
    let event = event(adopted, "r");
    let told = format!("'adopted', {}", literal(table));
    Some([
        format!(
            "INSERT INTO {} (topic, key, payload) SELECT {event}, {} FROM {} r
 WHERE r.{} IS NOT TRUE AND {event} IS NOT NULL
 AND NOT EXISTS (SELECT FROM {note} n WHERE (n.what, n.detail) = ({told})) ORDER BY r.{}",
            qualified(spot, &spot.own("outbox")),
            values(adopted, "r"),
            qualified(spot, table),
            ident(published),
            ident(id),
        ),
        format!("INSERT INTO {note} (who, what, detail) VALUES ('apply', {told})"),
    ])
}

/// Triggers that nobody wants any more.
fn left(case: &Case<'_>) -> Vec<Step> {
    let spot = &case.want.spot;
    let ours = spot.own(FORWARD);
    let names = case.live.routines.keys();
    let left = names.filter_map(|key| {
        let (table, trigger) = key.strip_suffix(" trigger")?.split_once('/')?;
        let wanted = case.want.plane.adopted.contains_key(table) && trigger == name(spot, table);
        (trigger.starts_with(&ours) && !wanted).then_some(trigger)
    });
    left.map(|trigger| {
        let note = "its table is not adopted any more";
        Step::new(Change::Remove, Subject::Plane, At::Store, trigger, note)
            .run(format!(
                "SET LOCAL ROLE {}",
                ident(&case.want.identities.owner)
            ))
            .run(format!(
                "DROP FUNCTION IF EXISTS {}() CASCADE",
                qualified(spot, trigger)
            ))
    })
    .collect()
}
