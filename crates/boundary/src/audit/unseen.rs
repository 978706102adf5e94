//! What could not be seen, why, and what would show it.
//!
//! Owns the list. Whatever could hide a crossing or a way in must stand here, so that nothing is
//! called closed that was not looked at.

use freehold_engine::audit::{Facts, Outcome, Part};

use super::bodies::Body;
use super::crossings::Use;
use super::moment::rfc3339;
use super::report::{State, States, Unseen};

/// What each part would show, and whether a crossing or a way in could hide in it.
fn about(part: Part) -> (&'static str, &'static str, bool) {
    match part {
        Part::Server => (
            "The server",
            "whether its rights mean what they say here",
            true,
        ),
        Part::Principals => ("Logins and roles", "who may log in", true),
        Part::Memberships => ("Who is a member of whom", "rights that come by roles", true),
        Part::Databases => ("Rights on databases and schemas", "who may enter", true),
        Part::Relations => (
            "Tables and rights on them",
            "who may read and write what",
            true,
        ),
        Part::Columns => ("Rights on columns", "rights on single columns", true),
        Part::Views => (
            "What views read",
            "tables that are reached through views",
            true,
        ),
        Part::Routines => (
            "Functions and procedures",
            "what runs with others’ rights",
            true,
        ),
        Part::Triggers => ("Triggers", "writes that others’ writes set off", true),
        Part::Policies => ("Row security", "rows that are hidden from some", false),
        Part::References => ("Foreign keys", "keys between contexts", true),
        Part::Sequences => ("Sequences", "numbers that contexts share", false),
        Part::Defaults => ("Default rights", "rights on tables to come", true),
        Part::Extensions => ("Extensions", "what is installed", false),
        Part::Links => (
            "Ways to other servers",
            "whether data leaves the server",
            true,
        ),
        Part::Sessions => ("Open sessions", "who is connected, from where", true),
        Part::Statements => ("Statements", "what crosses, how often", true),
        Part::LoginRules => (
            "From where a login may come",
            "addresses and methods, for each login",
            false,
        ),
    }
}

/// Parts that were not seen whole.
fn parts(facts: &Facts) -> Vec<Unseen> {
    of_parts(facts, &PARTS)
}

const PARTS: [Part; 18] = [
    Part::Server,
    Part::Principals,
    Part::Memberships,
    Part::Databases,
    Part::Relations,
    Part::Columns,
    Part::Views,
    Part::Routines,
    Part::Triggers,
    Part::Policies,
    Part::References,
    Part::Sequences,
    Part::Defaults,
    Part::Extensions,
    Part::Links,
    Part::Sessions,
    Part::Statements,
    Part::LoginRules,
];

/// These of them that were not seen whole.
pub(crate) fn of_parts(facts: &Facts, parts: &[Part]) -> Vec<Unseen> {
    let unseen = |part: Part| {
        let (what, would_show, could_hide) = about(part);
        let (because, shown_by, some) = match facts.outcome(part) {
            Outcome::Whole | Outcome::Absent => return None,
            Outcome::Partial(why) => {
                // The reason, then the right that mends it.
                let parted = why
                    .rsplit_once(": ")
                    .map(|(a, b)| (a.to_owned(), b.to_owned()));
                let (because, shown_by) =
                    parted.unwrap_or((why, "more room in the audit’s limits".to_owned()));
                (because, shown_by, true)
            }
            Outcome::NotSeen { why, needs } => (why, needs, false),
        };
        Some(Unseen {
            what: if some {
                format!("Some of: {}", lower(what))
            } else {
                what.to_owned()
            },
            because,
            would_show: would_show.to_owned(),
            for_want_of_rights: shown_by.contains("GRANT"),
            shown_by,
            could_hide: could_hide && !(some && part == Part::Sessions),
            calls_a_day: None,
        })
    };
    parts.iter().copied().filter_map(unseen).collect()
}

fn lower(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().into_iter().flat_map(char::to_lowercase);
    first.chain(chars).collect()
}

/// Everything that was not seen.
pub(crate) fn unseen(
    facts: &Facts,
    bodies: &[Body],
    usage: Option<&Use>,
    days: Option<f64>,
) -> Vec<Unseen> {
    let mut found = parts(facts);
    let mut push = |what: &str,
                    because: String,
                    would_show: &str,
                    shown_by: &str,
                    could_hide: bool,
                    calls: Option<f64>| {
        found.push(Unseen {
            what: what.to_owned(),
            because,
            would_show: would_show.to_owned(),
            shown_by: shown_by.to_owned(),
            could_hide,
            for_want_of_rights: false,
            calls_a_day: calls,
        });
    };
    functions(facts, bodies, &mut push);
    let counted = facts.is_whole(Part::Statements) || !facts.statements.is_empty();
    if counted && days.is_none() {
        push(
            "Over what time statements were counted",
            "the server does not keep when counting began".to_owned(),
            "calls a day",
            "`pg_stat_statements` 1.9, or resetting it once",
            false,
            None,
        );
    }
    if let Some(usage) = usage.filter(|usage| usage.nobody.0 > 0) {
        let logins: Vec<String> = usage
            .nobody
            .2
            .iter()
            .map(|own| format!("`{own}`"))
            .collect();
        push(
            &format!("{} statements of {}", usage.nobody.0, logins.join(", ")),
            "no comment and no open session showed their program".to_owned(),
            "which of them cross",
            "a login for each program, or a comment in each statement",
            true,
            Some(usage.nobody.1),
        );
    }
    if let Some(usage) = usage.filter(|usage| usage.unclear.0 > 0) {
        push(
            &format!("Names in {} statements", usage.unclear.0),
            "they are cut off, or could mean several tables".to_owned(),
            "tables that they touch",
            "schemas in their names",
            true,
            Some(usage.unclear.1),
        );
    }
    if !facts.statements.is_empty() {
        push(
            "Transactions over two contexts",
            "the server keeps no record of what ran together".to_owned(),
            "which writes need a saga",
            "`freehold check --with-audit`",
            false,
            None,
        );
    }
    if let Some(evicted) = facts.window.evicted.filter(|evicted| *evicted > 0) {
        push(
            "Rare statements",
            format!("{evicted} were counted and forgotten again"),
            "what runs once a month or a year",
            "`pg_stat_statements.max`, higher, restart",
            true,
            None,
        );
    }
    found
}

/// Notes one thing: what, why, what it would show, what shows it, could something hide, calls.
type Push<'a> = dyn FnMut(&str, String, &str, &str, bool, Option<f64>) + 'a;

/// What runs inside of functions.
fn functions(facts: &Facts, bodies: &[Body], push: &mut Push<'_>) {
    let callable = facts
        .routines
        .iter()
        .filter(|own| !own.of_extension)
        .count();
    let counted = facts.is_whole(Part::Statements) || !facts.statements.is_empty();
    let functions = callable > 0 || !facts.triggers.is_empty();
    if counted && !facts.window.nested && functions {
        let count = callable.max(1);
        push(
            "Statements inside functions",
            "`pg_stat_statements.track` is `top`".to_owned(),
            &format!("what {count} functions touch when they run"),
            "`pg_stat_statements.track = all`, reload",
            true,
            None,
        );
    }
    let opaque: Vec<&str> = facts
        .routines
        .iter()
        .zip(bodies)
        .filter(|(_, body)| body.opaque)
        .map(|(own, _)| own.name.as_str())
        .collect();
    if let Some(first) = opaque.first() {
        push(
            "What some functions do",
            format!(
                "{} cannot be read as SQL: `{first}` among them",
                opaque.len()
            ),
            "tables that they touch",
            "reading them",
            true,
            None,
        );
    }
}

/// How much of each section is known.
pub(crate) fn states(facts: &Facts) -> States {
    States {
        crossings: state(facts, &[Part::Statements, Part::Relations]),
        logins: state(
            facts,
            &[
                Part::Principals,
                Part::Memberships,
                Part::Databases,
                Part::Relations,
                Part::Columns,
                Part::Views,
                Part::Routines,
                Part::Defaults,
            ],
        ),
        programs: state(facts, &[Part::Statements]),
        ties: state(
            facts,
            &[
                Part::References,
                Part::Views,
                Part::Routines,
                Part::Triggers,
            ],
        ),
        orphans: state(facts, &[Part::Relations]),
        contexts: state(facts, &[Part::Relations, Part::References]),
    }
}

fn state(facts: &Facts, parts: &[Part]) -> State {
    let mut worst = State::Whole;
    for part in parts {
        let outcome = facts.outcome(*part);
        let stopped = |why: &str| {
            ["longer", "lost", "ended before", "lock of somebody"]
                .iter()
                .any(|word| why.contains(word))
        };
        let next = match outcome {
            Outcome::Whole | Outcome::Absent => continue,
            Outcome::NotSeen { why, .. } if stopped(&why) => State::CutShort {
                at: rfc3339(facts.server.clock),
                why,
            },
            Outcome::NotSeen { needs, .. } if *part == Part::Statements => {
                State::NoStatistics { setting: needs }
            }
            Outcome::NotSeen { why, .. } | Outcome::Partial(why) => State::FewRights { why },
        };
        let rank = |state: &State| match state {
            State::Whole => 0,
            State::FewRights { .. } => 1,
            State::NoStatistics { .. } => 2,
            State::CutShort { .. } => 3,
        };
        if rank(&next) > rank(&worst) {
            worst = next;
        }
    }
    worst
}
