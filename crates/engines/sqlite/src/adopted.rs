//! Outbox tables that a service had before: a trigger puts what is inserted there into ours, in the
//! same transaction. Pure.
//!
//! Nothing about the table itself changes. Rows that were there before are handed over once, when
//! the trigger is first made.

use freehold_engine::{At, Change, Live, Spot, Step, Subject, Want};
use freehold_model::AdoptedOutbox;
use freehold_sql::{Dialect, fingerprint, quote_ident, quote_literal};

/// What the names of triggers begin with, behind the store's own prefix.
const FORWARD: &str = "forward_";

/// Steps that make the triggers, and remove those whose table is not adopted any more.
pub(crate) fn steps(want: &Want, live: &Live) -> Vec<Step> {
    let adopted = &want.plane.adopted;
    let whole = adopted.iter().filter(|(table, adopted)| {
        let found = live.tables.get(*table).filter(|found| !found.view);
        let has =
            |column: &&str| found.is_some_and(|found| found.columns.iter().any(|it| it == column));
        adopted.columns().iter().all(has)
    });
    let mut steps: Vec<Step> = whole
        .filter_map(|(table, adopted)| forward(want, live, table, adopted))
        .collect();
    let wanted = |trigger: &str| {
        adopted
            .keys()
            .any(|table| name(&want.spot, table) == trigger)
    };
    let ours = want.spot.own(FORWARD);
    let left = live.routines.keys();
    for trigger in left.filter(|name| name.starts_with(&ours) && !wanted(name)) {
        let note = "its table is not adopted any more";
        let step = Step::new(Change::Remove, Subject::Plane, At::Store, trigger, note);
        steps.push(step.run(drop(trigger)));
    }
    steps
}

fn name(spot: &Spot, table: &str) -> String {
    spot.own(&format!("{FORWARD}{table}"))
}

fn ident(name: &str) -> String {
    quote_ident(Dialect::Sqlite, name).unwrap_or_default()
}

fn literal(text: &str) -> String {
    quote_literal(Dialect::Sqlite, text).unwrap_or_default()
}

fn drop(trigger: &str) -> String {
    format!("DROP TRIGGER IF EXISTS {}", ident(trigger))
}

fn forward(want: &Want, live: &Live, table: &str, adopted: &AdoptedOutbox) -> Option<Step> {
    let own = name(&want.spot, table);
    let (event, new) = (event(adopted, "NEW"), unpublished(adopted, "NEW"));
    let sql = format!(
        "CREATE TRIGGER {} AFTER INSERT ON {} WHEN {event} IS NOT NULL{new} BEGIN
 INSERT INTO {} (topic, key, payload) VALUES ({event}, {}); END",
        ident(&own),
        ident(table),
        ident(&want.spot.own("outbox")),
        values(adopted, "NEW"),
    );
    let found = live.routines.get(&own);
    let print = fingerprint(Dialect::Sqlite, &sql);
    if found.is_some_and(|found| found.fingerprint == print.as_str()) {
        return None;
    }
    let change = if found.is_some() {
        Change::Change
    } else {
        Change::Add
    };
    let note = format!("what is inserted into {table} is published");
    let step = Step::new(change, Subject::Plane, At::Store, own.clone(), note)
        .run(drop(&own))
        .run(sql);
    Some(match backlog(&want.spot, table, adopted) {
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
        "CASE {row}.{} {} END",
        ident(&adopted.kind),
        cases.join(" ")
    )
}

fn unpublished(adopted: &AdoptedOutbox, row: &str) -> String {
    adopted.published.as_ref().map_or(String::new(), |column| {
        format!(" AND {row}.{} IS NOT TRUE", ident(column))
    })
}

fn values(adopted: &AdoptedOutbox, row: &str) -> String {
    format!(
        "CAST({row}.{} AS TEXT), CAST({row}.{} AS TEXT)",
        ident(&adopted.key),
        ident(&adopted.payload)
    )
}

/// What nobody has published yet, in order, once in the life of a store. Only where the table says
/// both.
fn backlog(spot: &Spot, table: &str, adopted: &AdoptedOutbox) -> Option<[String; 2]> {
    let (id, _) = (adopted.id.as_ref()?, adopted.published.as_ref()?);
    let note = ident(&spot.own("note"));
    let told = format!("'adopted', {}", literal(table));
    let event = event(adopted, "r");
    Some([
        format!(
            "INSERT INTO {} (topic, key, payload) SELECT {event}, {} FROM {} r WHERE {event} IS NOT NULL{}
 AND NOT EXISTS (SELECT 1 FROM {note} n WHERE (n.what, n.detail) = ({told})) ORDER BY r.{}",
            ident(&spot.own("outbox")),
            values(adopted, "r"),
            ident(table),
            unpublished(adopted, "r"),
            ident(id),
        ),
        format!("INSERT INTO {note} (who, what, detail) VALUES ('apply', {told})"),
    ])
}
