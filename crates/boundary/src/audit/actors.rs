//! Which program sent a statement, where that can be known.
//!
//! Owns the order of evidence: a comment in the statement, a login that only one program has, an
//! open session whose last statement it was. Without any, nobody is named.

use std::collections::{BTreeMap, BTreeSet};

use freehold_engine::audit::Facts;

use super::ran::Ran;
use super::report::ToldBy;

/// Names that drivers give themselves when the program gives none.
const NO_NAMES: &[&str] = &[
    "",
    "PostgreSQL JDBC Driver",
    "psycopg",
    "psycopg2",
    "node-postgres",
    "pgx",
    "Npgsql",
    "libpq",
    "libmysql",
    "mysql-connector-java",
    "MySQL Connector/J",
    "mysql",
    "mariadb",
];

/// Programs by login.
#[derive(Debug)]
pub(crate) struct Actors {
    /// Login → programs that were seen with it.
    seen: BTreeMap<u32, BTreeSet<String>>,
}

/// Who sent a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sender {
    pub(crate) program: String,
    pub(crate) told_by: ToldBy,
}

/// The program's name in a session; `None`: it gave none of its own.
pub(crate) fn named(application: &str) -> Option<&str> {
    let name = application.trim();
    (!NO_NAMES.iter().any(|own| own.eq_ignore_ascii_case(name))).then_some(name)
}

impl Actors {
    pub(crate) fn new(facts: &Facts, ran: &[Ran]) -> Self {
        let mut seen: BTreeMap<u32, BTreeSet<String>> = BTreeMap::new();
        for session in &facts.sessions {
            if let (Some(who), Some(name)) = (session.principal, named(&session.application)) {
                seen.entry(who).or_default().insert(name.to_owned());
            }
        }
        for own in ran {
            let who = facts.statements[own.at].principal;
            if let (Some(who), Some(name)) = (who, commented(own)) {
                seen.entry(who).or_default().insert(name);
            }
        }
        Self { seen }
    }

    /// Programs that were seen with this login.
    pub(crate) fn of_login(&self, who: u32) -> impl Iterator<Item = &str> {
        self.seen
            .get(&who)
            .into_iter()
            .flatten()
            .map(String::as_str)
    }

    /// Who sent it.
    pub(crate) fn sender(&self, facts: &Facts, own: &Ran) -> Option<Sender> {
        let statement = &facts.statements[own.at];
        if let Some(program) = commented(own) {
            return Some(Sender {
                program,
                told_by: ToldBy::Comment,
            });
        }
        if let Some(who) = statement.principal {
            let mut programs = self.of_login(who);
            let first = programs.next();
            if programs.next().is_none() {
                let name = first.unwrap_or(&facts.principals[who as usize].name);
                return Some(Sender {
                    program: name.to_owned(),
                    told_by: ToldBy::Login,
                });
            }
        }
        let mut open = statement.applications.iter().filter_map(|own| named(own));
        match (open.next(), open.next()) {
            (Some(name), None) => Some(Sender {
                program: name.to_owned(),
                told_by: ToldBy::Session,
            }),
            _ => None,
        }
    }
}

/// The program that a comment names: by its name, else by the folder where its code begins.
fn commented(own: &Ran) -> Option<String> {
    let said = &own.said;
    said.application.clone().or_else(|| {
        let file = said.spot.as_ref()?.file.trim_start_matches(['/', '.']);
        let (first, _) = file.split_once('/')?;
        Some(first.to_owned())
    })
}
