//! Who may log in, how far each gets and by which way; and what everybody may.

use std::collections::BTreeSet;

use freehold_engine::audit::{Facts, Part, Rights};

use super::actors::Actors;
use super::cut::Cut;
use super::reach::Reach;
use super::report::{self, By, Login, Path, Public, PublicReads};
use super::ways::{Found, Way, Ways};

/// Everybody who may log in, those first that reach most.
pub(crate) fn logins(
    reach: &Reach<'_>,
    ways: &Ways<'_, '_>,
    actors: &Actors,
    found: &[Found],
) -> Vec<Login> {
    let facts = reach.facts();
    let used: BTreeSet<u32> = facts
        .statements
        .iter()
        .filter_map(|own| own.principal)
        .chain(facts.sessions.iter().filter_map(|own| own.principal))
        .collect();
    let known = facts.is_whole(Part::Statements) && facts.is_whole(Part::Sessions);
    let all = ways.tables.len();
    let mut logins: Vec<Login> = found
        .iter()
        .map(|own| {
            let count = |wanted: Rights| own.row.iter().filter(|cell| cell.has_any(wanted)).count();
            let (reads, writes) = (count(Rights::SELECT), count(Rights::WRITES));
            let sessions: Vec<_> = facts
                .sessions
                .iter()
                .filter(|session| session.principal == Some(own.who))
                .collect();
            let number = |sessions: &mut dyn Iterator<Item = u32>| sessions.sum::<u32>() as usize;
            let tls: Vec<Option<bool>> = sessions.iter().map(|session| session.tls).collect();
            let paths = if all > 0 && reads >= all {
                paths(own, all)
            } else {
                Vec::new()
            };
            Login {
                name: facts.principals[own.who as usize].name.clone(),
                reads,
                writes,
                closes: paths.first().map(|path| closes(path.by).to_owned()),
                paths,
                programs: actors.of_login(own.who).map(str::to_owned).collect(),
                sessions: number(&mut sessions.iter().map(|own| own.count)),
                streams: number(
                    &mut sessions
                        .iter()
                        .filter(|own| own.replication)
                        .map(|own| own.count),
                ),
                tls: if tls.is_empty() || tls.contains(&None) {
                    None
                } else {
                    Some(tls.iter().all(|own| *own == Some(true)))
                },
                used: match (used.contains(&own.who), known) {
                    (true, _) => Some(true),
                    (false, true) => Some(false),
                    (false, false) => None,
                },
                declared: false,
            }
        })
        .collect();
    logins.sort_by(|a, b| (b.reads, b.writes, &a.name).cmp(&(a.reads, a.writes, &b.name)));
    logins
}

/// The ways that open every table alone; where none does, those that do it together.
fn paths(own: &Found, all: usize) -> Vec<Path> {
    let shown = |way: &Way| Path {
        by: way.by,
        steps: way.steps.clone(),
    };
    let whole: Vec<&Way> = own.ways.iter().filter(|way| way.reads >= all).collect();
    let chosen = if whole.is_empty() {
        own.ways.iter().collect()
    } else {
        whole
    };
    let mut kinds = BTreeSet::new();
    let mut paths: Vec<Path> = chosen
        .iter()
        .filter(|way| kinds.insert((way.by, way.steps.last().cloned())))
        .take(6)
        .map(|way| shown(way))
        .collect();
    // What is everybody's stands last: it is the least about this one.
    paths.sort_by_key(|path| path.by == By::Public);
    paths
}

fn closes(by: By) -> &'static str {
    match by {
        By::Owner => "A login for each service; an owner that cannot log in",
        By::RoleChain => "Leave the role; a lease for each task, with an end",
        By::DefinerFunction => "Fixed statements inside; take `EXECUTE` back",
        By::Superuser => "Local socket only",
        By::Replication => "Keep, declared as access",
        By::Grant => "`SELECT` on its own tables only",
        By::Public => "`REVOKE … FROM PUBLIC`",
        By::View => "Take `SELECT` on the view back",
        By::ForeignServer => "Drop the user mapping",
        By::RoleAdmin => "An administrator with ADMIN on its own roles only",
    }
}

/// What everybody may, and everybody to come.
pub(crate) fn public(reach: &Reach<'_>, ways: &Ways<'_, '_>, cut: &Cut) -> Public {
    let row = ways.of_public();
    let contexts = (0..cut.names.len()).map(Some).chain([None]);
    let reads = contexts.filter_map(|context| {
        let of = ways.tables.iter().zip(&row);
        let tables = of
            .filter(|(table, rights)| cut.of(**table) == context && rights.has(Rights::SELECT))
            .count();
        (tables > 0).then(|| PublicReads {
            context: context.map(|at| cut.name(at).to_owned()),
            tables,
        })
    });
    Public {
        connect: reach.everybody_enters(),
        reads: reads.collect(),
        writes: row.iter().filter(|own| own.has_any(Rights::WRITES)).count(),
    }
}

/// What the logins of one context's programs may do with another's tables.
pub(crate) fn between(
    facts: &Facts,
    ways: &Ways<'_, '_>,
    found: &[Found],
    cut: &Cut,
    programs: &[report::Program],
) -> Vec<report::Reach> {
    let count = cut.names.len();
    let mut cells = vec![vec![(0, 0); count]; count];
    for (from, cells) in cells.iter_mut().enumerate() {
        let name = cut.name(from);
        let logins: BTreeSet<&str> = programs
            .iter()
            .filter(|own| own.context.as_deref() == Some(name))
            .flat_map(|own| own.logins.iter().map(String::as_str))
            .collect();
        let rows: Vec<&Found> = found
            .iter()
            .filter(|own| logins.contains(facts.principals[own.who as usize].name.as_str()))
            .collect();
        for (place, table) in ways.tables.iter().enumerate() {
            let Some(to) = cut.of(*table).filter(|to| *to != from) else {
                continue;
            };
            let any = |wanted: Rights| rows.iter().any(|own| own.row[place].has_any(wanted));
            cells[to].0 += usize::from(any(Rights::SELECT));
            cells[to].1 += usize::from(any(Rights::WRITES));
        }
    }
    let mut all = Vec::new();
    for (from, cells) in cells.iter().enumerate() {
        for (to, (reads, writes)) in cells.iter().enumerate() {
            if reads + writes > 0 {
                all.push(report::Reach {
                    from: cut.name(from).to_owned(),
                    to: cut.name(to).to_owned(),
                    reads: *reads,
                    writes: *writes,
                });
            }
        }
    }
    all
}
