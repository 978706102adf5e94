//! Code and live database as one SARIF log.
//!
//! Owns what the audit adds: to a place in code how often its crossing runs, and a result of its
//! own for what runs and is not in this code. Those stand at the audit's file, since no other names
//! them, and carry the table as their logical place.

use serde_json::{Value, json};

use super::{Met, MetKey, Place, Ran, Together, place_of, reaches_rows};
use crate::check::Checked;
use crate::finding::Kind;
use crate::report::sarif;

/// The checker's log with what the audit knows. `audit`: the audit's file, with forward slashes.
#[must_use]
pub fn together_sarif(checked: &Checked, live: &Together, audit: &str, version: &str) -> Value {
    let mut log = sarif(checked, version);
    let run = &mut log["runs"][0];
    let rules: Vec<String> = run["tool"]["driver"]["rules"]
        .as_array()
        .map_or(&[][..], Vec::as_slice)
        .iter()
        .map(|rule| rule["id"].as_str().unwrap_or_default().to_owned())
        .collect();
    let only_live = live
        .crossings
        .iter()
        .filter(|own| own.places.is_empty())
        .map(|own| {
            (
                kind_of(own),
                crossing_text(own, live),
                &own.table,
                prints(own),
            )
        })
        .chain(
            live.keys
                .iter()
                .filter(|own| own.places.is_empty())
                .map(|own| {
                    let print = format!("key {} {} {}", own.from, own.to, own.references);
                    (Kind::ForeignKey, key_text(own), &own.references, print)
                }),
        );
    let only_live: Vec<Value> = only_live
        .map(|(kind, text, table, print)| {
            json!({
                "ruleId": kind.code(),
                "ruleIndex": rules.iter().position(|own| own == kind.code()).unwrap_or(0),
                "level": "error",
                "message": { "text": text },
                "locations": [{
                    "physicalLocation": { "artifactLocation": { "uri": audit } },
                    "logicalLocations": [{ "fullyQualifiedName": table, "kind": "table" }],
                }],
                "partialFingerprints": { "freehold-live/v1": print },
            })
        })
        .collect();
    let Some(results) = run["results"].as_array_mut() else {
        return log;
    };
    // The checker's results stand in the order of its findings.
    for (own, result) in checked.findings.iter().zip(results.iter_mut()) {
        if !reaches_rows(own.kind) {
            continue;
        }
        let place = place_of(own);
        let met = live.crossings.iter().find(|met| {
            met.from == own.from
                && met.to == own.to
                && met.places.contains(&place)
                && super::own_name(&met.table) == super::own_name(&own.object)
                && met.writes == (own.kind == Kind::Write)
        });
        if let Some(met) = met {
            add(result, met, &place, live);
        }
    }
    results.extend(only_live);
    log
}

/// What runs of a finding: the statements that name its place, else all on its table.
fn add(result: &mut Value, met: &Met, place: &Place, live: &Together) {
    let named: Vec<&Ran> = met
        .statements
        .iter()
        .filter(|own| own.place.as_ref() == Some(place))
        .collect();
    let of_this = !named.is_empty();
    let all = if of_this {
        named
    } else {
        met.statements.iter().collect()
    };
    let calls: f64 = all.iter().map(|own| own.calls_a_day).sum();
    let seconds: f64 = all
        .iter()
        .map(|own| own.calls_a_day * own.mean_ms / 1000.0)
        .sum();
    let text = result["message"]["text"].as_str().unwrap_or_default();
    let said = match (live.days, all.is_empty(), of_this) {
        (None, ..) => "The audit saw no statistics: how often it runs is not known".to_owned(),
        (_, true, _) => format!("Not seen running in `{}`", live.database),
        (_, _, true) => format!("This place runs {}", rate(calls, seconds)),
        (..) => format!("Of all places on this table: {}", rate(calls, seconds)),
    };
    result["message"]["text"] = json!(format!("{text}\n{said}."));
    result["properties"]["live"] = json!({
        "of_this_place": of_this,
        "statements": all.len(),
        "calls_a_day": calls,
        "seconds_a_day": seconds,
    });
}

fn rate(calls: f64, seconds: f64) -> String {
    format!("{calls:.0} times a day and takes {seconds:.1} s of the database's time")
}

fn kind_of(own: &Met) -> Kind {
    if own.writes { Kind::Write } else { Kind::Read }
}

fn crossing_text(own: &Met, live: &Together) -> String {
    let mut programs: Vec<&str> = own
        .statements
        .iter()
        .map(|own| own.program.as_str())
        .collect();
    programs.sort_unstable();
    programs.dedup();
    format!(
        "{} {} {} and is not in this code: {} in `{}`, {}",
        own.from,
        kind_of(own).phrase(),
        own.to,
        own.table,
        live.database,
        format_args!(
            "by {}, {}",
            programs.join(", "),
            rate(own.calls_a_day(), own.seconds_a_day())
        ),
    )
}

fn key_text(own: &MetKey) -> String {
    format!(
        "{} {} {} and no migration of this code makes it: {} points at {}",
        own.from,
        Kind::ForeignKey.phrase(),
        own.to,
        own.live.join(", "),
        own.references,
    )
}

fn prints(own: &Met) -> String {
    let all: Vec<&str> = own
        .statements
        .iter()
        .map(|own| own.fingerprint.as_str())
        .collect();
    format!("{} {} {} {}", own.from, own.to, own.table, all.join(" "))
}
