//! One audit to hold everything to: the shared database bookvault on 20 November 2026.
//!
//! Owns the numbers of the pictures. They add up, and `sums` says how.

use freehold_boundary::audit::report::{
    Load, Measured, Origin, Public, PublicReads, Report, States, Subject, Unseen, VERSION, Window,
};
use serde::de::DeserializeOwned;

mod catalog;
mod people;
mod statements;

/// The audit of the pictures.
pub(crate) fn bookvault() -> Report {
    Report {
        version: VERSION,
        at: "2026-11-20T09:42:00Z".to_owned(),
        freehold: "0.4.0".to_owned(),
        subject: Subject {
            database: "bookvault".to_owned(),
            address: "prod-db-1:5432".to_owned(),
            product: "PostgreSQL".to_owned(),
            product_version: "15.8".to_owned(),
            tables: 41,
        },
        states: States::default(),
        window: Some(Window {
            since: "2026-10-29T02:30:00Z".to_owned(),
            days: 22.3,
        }),
        load: Some(Load {
            calls_a_day: 168_000_000.0,
            seconds_a_day: 131_040.0,
        }),
        contexts: catalog::contexts(),
        origin: Origin::Proposal,
        crossings: statements::statements(),
        reach: Vec::new(),
        logins: people::logins(),
        public: Some(Public {
            connect: true,
            reads: [
                (Some("customers"), 4),
                (Some("catalog"), 8),
                (Some("orders"), 3),
                (None, 2),
            ]
            .into_iter()
            .map(|(context, tables)| PublicReads {
                context: context.map(str::to_owned),
                tables,
            })
            .collect(),
            writes: 0,
        }),
        programs: people::programs(),
        keys: catalog::keys(),
        ties: catalog::ties(),
        orphans: catalog::orphans(),
        findings: Vec::new(),
        history: catalog::history(),
        order: catalog::order(),
        unseen: unseen(),
        measured: Measured {
            login: "freehold_audit".to_owned(),
            member_of: texts("pg_monitor"),
            statements: 63,
            elapsed_ms: 1400,
            longest_ms: 110,
            writes: 0,
            strongest_lock: "ACCESS SHARE".to_owned(),
        },
    }
}

/// Words of a text.
fn texts(words: &str) -> Vec<String> {
    words.split_whitespace().map(str::to_owned).collect()
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// Rows of a text with `|` between its columns; the first line says what they are.
fn columns(text: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split('|').map(str::trim).collect())
}

/// The variant of that name in JSON.
fn named<T: DeserializeOwned>(name: &str) -> T {
    serde_json::from_value(name.into()).expect("a name of the form")
}

fn unseen() -> Vec<Unseen> {
    columns(include_str!("unseen.txt"))
        .map(|own| Unseen {
            what: own[0].to_owned(),
            because: own[1].to_owned(),
            would_show: own[2].to_owned(),
            shown_by: own[3].to_owned(),
            could_hide: own[4] == "h",
            for_want_of_rights: own[4] == "r",
            calls_a_day: own[2].starts_with("1,140").then_some(1140.0),
        })
        .collect()
}
