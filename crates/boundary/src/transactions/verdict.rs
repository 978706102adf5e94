//! Which transactions write to more than one context.

use std::collections::{BTreeMap, HashMap};

use super::{At, Call, Scope};
use crate::finding::{Finding, Kind};
use crate::judge::Judge;
use crate::ownership::Code;
use crate::scan::{FileScan, Seen, Sureness};

/// A write in a transaction: whose, and how it reads in a list.
#[derive(Debug, Clone)]
struct Write {
    owner: usize,
    object: String,
    /// `12: insert orders`
    said: String,
}

/// Findings of all transactions that write to two contexts or more.
pub(crate) fn verdicts(judge: &Judge, scans: &[FileScan]) -> Vec<Finding> {
    let functions = functions(scans);
    let mut found = Vec::new();
    for scan in scans {
        let here = match judge.own.code(&scan.path) {
            Code::Of(context) => Some(context),
            Code::Nobody => None,
            Code::Tests | Code::Shared => continue,
        };
        for scope in &scan.transactions.scopes {
            found.extend(one(judge, scans, scan, scope, here, &functions));
        }
    }
    found
}

/// By class and name; and by name alone: the scan and the lines.
type Functions<'s> = HashMap<(Option<&'s str>, &'s str), Vec<(&'s FileScan, At, At)>>;

fn functions(scans: &[FileScan]) -> Functions<'_> {
    let mut functions = Functions::new();
    for scan in scans {
        for own in &scan.transactions.functions {
            functions
                .entry((own.class.as_deref(), own.name.as_str()))
                .or_default()
                .push((scan, own.from, own.to));
        }
    }
    functions
}

fn one(
    judge: &Judge,
    scans: &[FileScan],
    scan: &FileScan,
    scope: &Scope,
    here: Option<usize>,
    functions: &Functions,
) -> Vec<Finding> {
    let mut writes = within(judge, scan, scope.from, scope.to, here, None);
    for call in &scope.calls {
        let Some((other, from, to)) = called(scan, call, functions) else {
            continue;
        };
        // A function that the scope itself lies in is no call of it.
        if std::ptr::eq(other, scan) && from <= scope.from && scope.to <= to {
            continue;
        }
        let there = match judge.own.code(&other.path) {
            Code::Of(context) => Some(context),
            Code::Nobody => here,
            Code::Tests | Code::Shared => continue,
        };
        writes.extend(within(judge, other, from, to, there, Some(call)));
    }
    let _ = scans;
    writes.sort_by_key(|(at, _)| *at);
    let writes: Vec<Write> = writes.into_iter().map(|(_, write)| write).collect();
    let mut first: BTreeMap<usize, &Write> = BTreeMap::new();
    for write in &writes {
        first.entry(write.owner).or_insert(write);
    }
    if first.len() < 2 {
        return Vec::new();
    }
    let from = match here {
        Some(here) if first.contains_key(&here) => here,
        _ => writes[0].owner,
    };
    let seen = Seen {
        place: "a transaction",
        dialect: None,
        sureness: Sureness::Recovered,
    };
    first
        .values()
        .filter(|write| write.owner != from)
        .map(|write| {
            let mut finding = judge.made(
                &scan.path,
                Kind::Transaction,
                from,
                write.owner,
                write.object.clone(),
                &scope.spot,
                &seen,
                here.is_none(),
            );
            finding.statements = writes.iter().map(|own| own.said.clone()).collect();
            finding
        })
        .collect()
}

/// What is written between two places of a file; behind a call, at the place of the call.
fn within(
    judge: &Judge,
    scan: &FileScan,
    from: At,
    to: At,
    here: Option<usize>,
    call: Option<&Call>,
) -> Vec<((At, At), Write)> {
    let inside = |line: usize, column: usize| from <= (line, column) && (line, column) < to;
    let place = |at: At| (call.map_or(at, |call| call.at), at);
    let by = call.map_or(String::new(), |call| {
        format!(" by {}, {}", call.name, scan.path.display())
    });
    let mut found = Vec::new();
    for touch in scan.queries.iter().flat_map(|query| &query.touches) {
        if !touch.access.writes() || !inside(touch.spot.line, touch.spot.column) {
            continue;
        }
        let Some(owner) = judge.owner(&touch.name, touch.within.as_deref(), here) else {
            continue;
        };
        let object = judge.object(&touch.name);
        let at = (touch.spot.line, touch.spot.column);
        let verb = format!("{:?}", touch.access).to_ascii_lowercase();
        found.push((
            place(at),
            Write {
                owner,
                said: format!(
                    "{verb} {object} ({}), line {}{by}",
                    judge.own.name(owner),
                    at.0
                ),
                object,
            },
        ));
    }
    for write in &scan.transactions.writes {
        if !inside(write.spot.line, write.spot.column) {
            continue;
        }
        let Some(owners) = judge.models.get(&write.class) else {
            continue;
        };
        let owner = match here {
            Some(here) if owners.contains(&here) => here,
            _ if owners.len() == 1 => owners[0],
            _ => continue,
        };
        let at = (write.spot.line, write.spot.column);
        let verb = write.verb.to_ascii_lowercase();
        found.push((
            place(at),
            Write {
                owner,
                said: format!(
                    "{verb} {} ({}), line {}{by}",
                    write.class,
                    judge.own.name(owner),
                    at.0
                ),
                object: write.class.clone(),
            },
        ));
    }
    found
}

/// The function that a call means, if only one can be meant.
fn called<'s>(
    scan: &'s FileScan,
    call: &'s Call,
    functions: &Functions<'s>,
) -> Option<(&'s FileScan, At, At)> {
    let Some(receiver) = &call.receiver else {
        // A function of the same file.
        let own = scan
            .transactions
            .functions
            .iter()
            .find(|own| own.name == call.name)?;
        return Some((scan, own.from, own.to));
    };
    let bare = receiver.trim_start_matches('_');
    let mut chars = bare.chars();
    let class: String = chars.next()?.to_uppercase().chain(chars).collect();
    let found = functions.get(&(Some(class.as_str()), call.name.as_str()))?;
    match found.as_slice() {
        [one] => Some(*one),
        _ => None,
    }
}
