//! What ties the contexts together in the catalog.

use freehold_look::number::count;
use freehold_look::spans;
use maud::{Markup, html};

use super::{Bar, pair, section};
use crate::audit::report::{Key, OnDelete, Report, TieKind, words};

/// Keys shown of one pair; the data has them all.
const MOST_KEYS: usize = 12;
/// Names shown of one kind.
const MOST_NAMES: usize = 8;
const KINDS: [TieKind; 6] = [
    TieKind::View,
    TieKind::Function,
    TieKind::Trigger,
    TieKind::Sequence,
    TieKind::Policy,
    TieKind::ForeignServer,
];

pub(super) fn ties(report: &Report) -> Markup {
    let cascading = report
        .keys
        .iter()
        .filter(|own| own.on_delete == OnDelete::Cascade)
        .count();
    let sub = format!(
        "{}, {}",
        count(report.keys.len(), "foreign key", "foreign keys"),
        count(report.ties.len(), "other", "others")
    );
    let bar = Bar {
        folds: true,
        ..Bar::new(6, "What ties the contexts together", sub).state(&report.states.ties)
    };
    let bar = match cascading {
        0 => bar,
        1 => bar.side("1 deletes across"),
        n => bar.side(format!("{n} delete across")),
    };
    let body = html! {
        @if report.keys.is_empty() && report.ties.is_empty() { p.nothing { "Nothing in the catalog ties them." } }
        @if !report.keys.is_empty() { (keys(report)) }
        (others(report))
    };
    section(&bar, &body)
}

fn keys(report: &Report) -> Markup {
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    for own in &report.keys {
        let pair = (own.from.as_str(), own.to.as_str());
        if !pairs.contains(&pair) {
            pairs.push(pair);
        }
    }
    html! {
        table.keys {
            thead { tr { th { "From → to" } th.num { "Keys" } th { "Column → table" } th { "On delete" } } }
            @for (from, to) in pairs {
                @let keys: Vec<&Key> = report.keys.iter().filter(|own| own.from == from && own.to == to).collect();
                @let more = keys.len().saturating_sub(MOST_KEYS);
                tbody {
                    @for (at, key) in keys.iter().take(MOST_KEYS).enumerate() {
                        tr {
                            @if at == 0 {
                                th scope="row" { (pair(from, to)) }
                                td.num { (keys.len()) span.phone.mid { (if keys.len() == 1 { " key" } else { " keys" }) } }
                            } @else { td.skip {} td.skip {} }
                            td.column { code { (key.table) "." (key.columns.join(", ")) " " span.to { "→" } " " (key.references) } }
                            td.delete {
                                @if key.on_delete == OnDelete::NoAction { span.dim { (words::on_delete(key.on_delete)) } }
                                @else { b { (words::on_delete(key.on_delete)) } }
                            }
                        }
                    }
                    @if more > 0 { tr { td.skip {} td.skip {} td.column colspan="2" { span.dim { "and " (more) " more" } } } }
                }
            }
        }
    }
}

fn others(report: &Report) -> Markup {
    html! {
        @if !report.ties.is_empty() {
            dl.ties {
                @for kind in KINDS {
                    @let found: Vec<_> = report.ties.iter().filter(|own| own.kind == kind).collect();
                    @if !found.is_empty() {
                        dt { (words::ties(kind, found.len())) }
                        dd {
                            @for (at, own) in found.iter().take(MOST_NAMES).enumerate() { @if at > 0 { ", " } (spans::html(&words::tie(own))) }
                            @if found.len() > MOST_NAMES { ", and " (found.len() - MOST_NAMES) " more" }
                        }
                    }
                }
            }
        }
    }
}
