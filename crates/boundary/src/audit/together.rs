//! Code and live database as one: each crossing with where it is in code and how often it runs.
//!
//! Owns the meeting of the checker's findings (code, migrations) and an audit's report (catalog,
//! statements). They meet by who crosses into whom, by the table, and by whether it is written.
//! Pure. How it reads is in `together/text.rs`, as a log for editors in `together/log.rs`.

mod log;
mod text;

use std::collections::{BTreeMap, BTreeSet};

use freehold_model::Fault;
use serde::Serialize;

use super::report::{Crossing, Report};
use crate::check::Checked;
use crate::finding::{Finding, Kind};

pub use log::together_sarif;
pub use text::together_text;

/// Both seen as one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Together {
    /// The audited database.
    pub database: String,
    /// When it was audited.
    pub at: String,
    /// Days of statistics; `None`: the server counted nothing.
    pub days: Option<f64>,
    /// One matrix: each pair of contexts once, those first that cost most.
    pub pairs: Vec<Pair>,
    /// Each table that is reached over a boundary, those first that cost most.
    pub crossings: Vec<Met>,
    /// Foreign keys.
    pub keys: Vec<MetKey>,
}

/// One context into another, from all four sources. Nothing is counted twice within a column.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Pair {
    pub from: String,
    pub to: String,
    /// Places in code, foreign keys of migrations left out.
    pub places: usize,
    /// Foreign keys, as migrations and catalog have them together.
    pub keys: usize,
    /// Statements that the server counted.
    pub statements: usize,
    pub calls_a_day: f64,
    pub seconds_a_day: f64,
}

/// One table that one context reaches in another.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Met {
    pub from: String,
    pub to: String,
    /// As the checker writes it, else as the audit does.
    pub table: String,
    pub writes: bool,
    /// Where it is in code: files with lines, each once.
    pub places: Vec<Place>,
    /// Statements that run; one that names several tables stands at each of them.
    pub statements: Vec<Ran>,
}

/// A place in code.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// With forward slashes.
    pub file: String,
    pub line: usize,
    /// The declaration around it.
    pub symbol: String,
}

/// How often a statement runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ran {
    /// The audit's.
    pub fingerprint: String,
    pub program: String,
    pub login: String,
    pub calls_a_day: f64,
    pub mean_ms: f64,
    /// The place that the statement itself names, if it is one of the places found.
    pub place: Option<Place>,
}

/// A foreign key, in migrations, in the catalog, or in both.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct MetKey {
    pub from: String,
    pub to: String,
    /// The table that is pointed at.
    pub references: String,
    /// Where migrations or models make it.
    pub places: Vec<Place>,
    /// Tables of the live database that have it.
    pub live: Vec<String>,
}

impl Met {
    /// Calls of all its statements.
    #[must_use]
    pub fn calls_a_day(&self) -> f64 {
        self.statements.iter().map(|own| own.calls_a_day).sum()
    }

    /// Time of all its statements in the database.
    #[must_use]
    pub fn seconds_a_day(&self) -> f64 {
        let of = |own: &Ran| own.calls_a_day * own.mean_ms / 1000.0;
        self.statements.iter().map(of).sum()
    }
}

/// Who, into whom, which table (its own name in lower case), is it written?
type Key = (String, String, String, bool);

/// Brings both together.
///
/// # Errors
/// `FH2403`: they know no context in common, so that nothing could meet.
pub fn together(checked: &Checked, audit: &Report) -> Result<Together, Fault> {
    meant_alike(checked, audit)?;
    let mut met: BTreeMap<Key, Met> = BTreeMap::new();
    let mut pairs: BTreeMap<(String, String), Pair> = BTreeMap::new();
    for own in checked.findings.iter().filter(|own| reaches_rows(own.kind)) {
        let one = meeting(
            &mut met,
            &own.from,
            &own.to,
            &own.object,
            own.kind == Kind::Write,
        );
        let place = place_of(own);
        if !one.places.contains(&place) {
            one.places.push(place);
        }
    }
    for own in checked
        .findings
        .iter()
        .filter(|own| own.kind != Kind::ForeignKey)
    {
        pair(&mut pairs, &own.from, &own.to).places += 1;
    }
    for own in &audit.crossings {
        for table in &own.foreign {
            let one = meeting(&mut met, &own.from, &own.to, table, own.writes);
            let ran = ran(own, &one.places);
            one.statements.push(ran);
        }
        let pair = pair(&mut pairs, &own.from, &own.to);
        pair.statements += 1;
        pair.calls_a_day += own.calls_a_day;
        pair.seconds_a_day += own.seconds_a_day();
    }
    let keys = keys(checked, audit);
    for own in &keys {
        pair(&mut pairs, &own.from, &own.to).keys += own.places.len().max(own.live.len());
    }
    let mut crossings: Vec<Met> = met.into_values().collect();
    for own in &mut crossings {
        own.places.sort();
    }
    // The most expensive first; what only code has by how often it stands there.
    crossings.sort_by(|a, b| {
        let cost = b.seconds_a_day().total_cmp(&a.seconds_a_day());
        cost.then(b.calls_a_day().total_cmp(&a.calls_a_day()))
            .then(b.places.len().cmp(&a.places.len()))
    });
    let mut pairs: Vec<Pair> = pairs.into_values().collect();
    pairs.sort_by(|a, b| {
        let cost = b.seconds_a_day.total_cmp(&a.seconds_a_day);
        cost.then(b.places.cmp(&a.places))
    });
    Ok(Together {
        database: audit.subject.database.clone(),
        at: audit.at.clone(),
        days: audit.window.as_ref().map(|own| own.days),
        pairs,
        crossings,
        keys,
    })
}

/// Statements of these kinds read or write rows, as those that the server counts do.
fn reaches_rows(kind: Kind) -> bool {
    matches!(kind, Kind::Join | Kind::Read | Kind::Write)
}

fn meant_alike(checked: &Checked, audit: &Report) -> Result<(), Fault> {
    let ours: BTreeSet<&str> = names(checked.ownership.contexts.iter().map(|own| &own.name));
    let theirs: BTreeSet<&str> = names(audit.contexts.iter().map(|own| &own.name));
    if ours.is_disjoint(&theirs) {
        let list = |names: &BTreeSet<&str>| {
            if names.is_empty() {
                "none".to_owned()
            } else {
                names.iter().copied().collect::<Vec<_>>().join(", ")
            }
        };
        return Err(Fault::new(
            "FH2403",
            format!(
                "the audit and the code have no context in common: {} there, {} here",
                list(&theirs),
                list(&ours)
            ),
        )
        .help("write the contexts down once, freehold audit --url … --write-boundaries, and audit again from this folder")
        .help("an audit reads boundaries.yaml or freehold.yaml of the folder that it runs in, or of -C DIR"));
    }
    Ok(())
}

fn names<'a>(all: impl Iterator<Item = &'a String>) -> BTreeSet<&'a str> {
    all.map(String::as_str).collect()
}

/// A table's own name, without its schema.
fn own_name(table: &str) -> String {
    table.rsplit('.').next().unwrap_or(table).to_lowercase()
}

fn meeting<'m>(
    met: &'m mut BTreeMap<Key, Met>,
    from: &str,
    to: &str,
    table: &str,
    writes: bool,
) -> &'m mut Met {
    let key = (from.to_owned(), to.to_owned(), own_name(table), writes);
    met.entry(key).or_insert_with(|| Met {
        from: from.to_owned(),
        to: to.to_owned(),
        table: table.to_owned(),
        writes,
        places: Vec::new(),
        statements: Vec::new(),
    })
}

fn pair<'m>(pairs: &'m mut BTreeMap<(String, String), Pair>, from: &str, to: &str) -> &'m mut Pair {
    let key = (from.to_owned(), to.to_owned());
    pairs.entry(key).or_insert_with(|| Pair {
        from: from.to_owned(),
        to: to.to_owned(),
        ..Pair::default()
    })
}

fn place_of(own: &Finding) -> Place {
    Place {
        file: own.file.to_string_lossy().replace('\\', "/"),
        line: own.spot.line,
        symbol: own.spot.symbol.clone(),
    }
}

/// What a statement says of its own place counts if the checker found one there.
fn ran(own: &Crossing, places: &[Place]) -> Ran {
    let place = own.spot.as_ref().and_then(|spot| {
        let same = |place: &&Place| {
            place.file == spot.file
                || place.file.ends_with(&format!("/{}", spot.file))
                || spot.file.ends_with(&format!("/{}", place.file))
        };
        let near = |place: &&Place| spot.line.map_or(0, |line| line.abs_diff(place.line));
        places.iter().filter(same).min_by_key(near).cloned()
    });
    Ran {
        fingerprint: own.fingerprint.clone(),
        program: own.program.clone(),
        login: own.login.clone(),
        calls_a_day: own.calls_a_day,
        mean_ms: own.mean_ms,
        place,
    }
}

fn keys(checked: &Checked, audit: &Report) -> Vec<MetKey> {
    let mut all: BTreeMap<(String, String, String), MetKey> = BTreeMap::new();
    let mut entry = |from: &str, to: &str, references: &str, add: &dyn Fn(&mut MetKey)| {
        let key = (from.to_owned(), to.to_owned(), own_name(references));
        add(all.entry(key).or_insert_with(|| MetKey {
            from: from.to_owned(),
            to: to.to_owned(),
            references: references.to_owned(),
            places: Vec::new(),
            live: Vec::new(),
        }));
    };
    for own in checked
        .findings
        .iter()
        .filter(|own| own.kind == Kind::ForeignKey)
    {
        entry(&own.from, &own.to, &own.object, &|key| {
            key.places.push(place_of(own));
        });
    }
    for own in &audit.keys {
        entry(&own.from, &own.to, &own.references, &|key| {
            key.live.push(own.table.clone());
        });
    }
    all.into_values().collect()
}
