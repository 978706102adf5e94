//! What a director reads of a described system: the sentence, where to begin, the figures.

use std::collections::BTreeSet;

use freehold_look::number::count;
use freehold_look::spans;
use maud::{Markup, html};

use super::verdict_word;
use crate::audit::report::{Stands, SystemReport, Verdict};

/// What one does about a code, and the codes that it is done for; what ends most stands first.
const STEPS: [(&str, &str, &[&str]); 5] = [
    (
        "Close what nobody described.",
        "Or name it under `access:` with a reason and a last day.",
        &["FH2308", "FH2310", "FH2301"],
    ),
    (
        "Put back what is described.",
        "`freehold apply` does it, store by store.",
        &["FH2309", "FH2312"],
    ),
    (
        "Close ways in whoever is described.",
        "Each has the statement that closes it.",
        &["FH2302", "FH2303", "FH2304", "FH2305", "FH2306", "FH2307"],
    ),
    (
        "Renew or end what is over.",
        "A last day is a promise to look again.",
        &["FH2311"],
    ),
    ("Look at the rest.", "Each says what mends it.", &[]),
];

pub(super) fn lead(report: &SystemReport) -> Markup {
    let shape = report.verdict().shape();
    html! {
        div.lead {
            div.verdict {
                p.subject { "Described system, " (count(report.stores.len(), "store", "stores")) " held against live" }
                h1 { (spans::plain(&report.headline())) }
                p.cost {
                    (shape.svg())
                    span { b class=(shape.class()) { (verdict_word(report)) "." } " " (cost(report)) }
                }
            }
            (begin(report))
        }
    }
}

/// The sentence below the sentence.
fn cost(report: &SystemReport) -> String {
    let blind: Vec<&str> = report
        .stores
        .iter()
        .filter(|own| own.verdict() == Verdict::NotKnown)
        .map(|own| own.store.as_str())
        .collect();
    let strangers = strangers(report).len();
    let mut said = String::new();
    if strangers > 0 {
        said.push_str(&count(strangers, "login", "logins"));
        said.push_str(" that nobody described ");
        said.push_str(if strangers == 1 {
            "gets in. "
        } else {
            "get in. "
        });
    }
    if !blind.is_empty() {
        said.push_str("Of ");
        said.push_str(&blind.join(", "));
        said.push_str(" it is not known. ");
    }
    said.push_str("Nothing was written, and no row of a service’s table was read.");
    said
}

/// Logins that nobody described, once for each server.
fn strangers(report: &SystemReport) -> BTreeSet<(&str, &str)> {
    let of = report.stores.iter().flat_map(|store| {
        let nobody = store
            .logins
            .iter()
            .filter(|own| own.stands == Stands::Nobody);
        nobody.map(|own| (store.address.as_str(), own.name.as_str()))
    });
    of.collect()
}

/// Findings by the step that ends them; each is counted once.
fn steps(report: &SystemReport) -> Vec<(&'static str, &'static str, usize)> {
    let mut counts = [0; STEPS.len()];
    for (_, own) in report.all_findings() {
        let of = |codes: &[&str]| codes.contains(&own.code.as_str());
        let at = STEPS.iter().position(|(.., codes)| of(codes));
        counts[at.unwrap_or(STEPS.len() - 1)] += 1;
    }
    let all = STEPS.iter().zip(counts).filter(|(_, found)| *found > 0);
    let mut all: Vec<_> = all
        .map(|((title, how, _), found)| (*title, *how, found))
        .collect();
    all.sort_by_key(|(.., found)| std::cmp::Reverse(*found));
    all
}

fn begin(report: &SystemReport) -> Markup {
    let steps = steps(report);
    let (why, command) = match report.verdict() {
        Verdict::Closed => (
            "Hear of the first thing that is not described",
            "freehold audit --watch 300",
        ),
        Verdict::NotKnown => (
            "See what is missing, and why",
            "freehold audit --out audit.json",
        ),
        Verdict::Open => (
            "Then look again, and hear only of what is new",
            "freehold audit --baseline audit.json",
        ),
    };
    html! {
        section.card.begin aria-labelledby="begin" {
            h2 #begin { "Begin here" }
            @if steps.is_empty() {
                p.nothing {
                    @if report.verdict() == Verdict::Closed { "Nothing to do today." }
                    @else { "Look at what could not be seen first: " a href="#s5" { "5" } "." }
                }
            }
            ol {
                @for (at, (title, how, found)) in steps.iter().enumerate() {
                    li {
                        span.ring { (at + 1) }
                        p { b { (title) } " Ends " (found) ". " (spans::html(how)) " " a href="#s2" { "2" } }
                    }
                }
            }
            p.now { span { (why) } code.command { (command) } }
        }
    }
}

pub(super) fn figures(report: &SystemReport) -> Markup {
    let stores = &report.stores;
    let closed = stores.iter().filter(|own| own.verdict() == Verdict::Closed);
    let closed = closed.count();
    let blind = stores
        .iter()
        .filter(|own| own.verdict() == Verdict::NotKnown);
    let blind = blind.count();
    let found = report.all_findings().count();
    let codes: BTreeSet<&str> = report
        .all_findings()
        .map(|(_, own)| own.code.as_str())
        .collect();
    let logins: BTreeSet<(&str, &str)> = stores
        .iter()
        .flat_map(|store| {
            let of = store.logins.iter();
            of.map(|own| (store.address.as_str(), own.name.as_str()))
        })
        .collect();
    let sessions: usize = stores
        .iter()
        .flat_map(|own| &own.logins)
        .map(|own| own.sessions)
        .sum();
    let unseen: usize = stores.iter().map(|own| own.unseen.len()).sum();
    let hiding = stores.iter().flat_map(|own| &own.unseen);
    let hiding = hiding.filter(|own| own.could_hide).count();
    let five = [
        (
            "Stores as described",
            closed.to_string(),
            format!("of {}", stores.len()),
            match blind {
                0 => "of all it is known".to_owned(),
                n => format!("of {n} it is not known"),
            },
        ),
        (
            "Not as described",
            found.to_string(),
            if found == 1 { "thing" } else { "things" }.to_owned(),
            match codes.len() {
                0 => "nothing to mend".to_owned(),
                n => count(n, "code", "codes"),
            },
        ),
        (
            "Logins that get in",
            logins.len().to_string(),
            String::new(),
            match strangers(report).len() {
                0 => "all of them described".to_owned(),
                n => format!("{n} not described"),
            },
        ),
        (
            "Open sessions",
            sessions.to_string(),
            String::new(),
            "of these logins, in the stores’ databases".to_owned(),
        ),
        (
            "Not seen",
            unseen.to_string(),
            if unseen == 1 { "thing" } else { "things" }.to_owned(),
            match hiding {
                0 => "none could hide a way in".to_owned(),
                n => format!("{n} could hide a way in"),
            },
        ),
    ];
    html! {
        dl.card.figures.five {
            @for (label, value, of, detail) in five {
                div {
                    dt { (label) }
                    dd.big { b { (value) } " " span { (of) } }
                    dd.detail { (detail) }
                }
            }
        }
    }
}
