//! Reads who can and does reach what: the audit's facts from MariaDB 10.6 and later, and MySQL 8
//! and later.
//!
//! One connection whose transactions cannot write, each question bounded in time. Rights are read
//! from the grant tables and resolved as the server resolves them (`resolve.rs`): which entry of
//! several on a database counts, what a role brings with it. `ask.rs` sends.

mod activity;
mod ask;
mod objects;
mod people;
mod resolve;
mod version;

use std::collections::HashMap;

use freehold_engine::audit::{Facts, Limits, Outcome, Part, Rules};
use freehold_engine::{Address, Endpoint, Error, ErrorKind, Result, Value};

use crate::connect::dial;
use crate::wire::Wire;
use ask::Ask;

const GRANT_TABLES: &str = "GRANT SELECT ON mysql.* TO this login";

/// What is being put together.
#[derive(Default)]
pub(crate) struct Gathered {
    facts: Facts,
    mariadb: bool,
    /// Only this database is looked at.
    only: Option<String>,
    /// User and host → place.
    account: HashMap<(String, String), u32>,
    schema_of: HashMap<String, u32>,
    relation_of: HashMap<(String, String), u32>,
    /// The login sees every table, whatever its rights on each.
    sees_all: bool,
    sees_processes: bool,
}

/// Reads everything that `limits` and the login's rights allow.
pub(crate) async fn audit(at: &Endpoint, limits: &Limits) -> Result<Facts> {
    let conn = dial(at)
        .await
        .map_err(|error| error.during("connect for the audit"))?;
    let mut ask = Ask::new(Wire::new(conn), limits.clone());
    let mut gathered = Gathered {
        only: at.database.clone(),
        ..Gathered::default()
    };
    gathered.facts.server.address = match &at.address {
        Address::Tcp(host, port) => format!("{host}:{port}"),
        Address::Unix(socket, _) => socket.display().to_string(),
        Address::Path(path) => path.display().to_string(),
    };
    gathered.server(&mut ask).await?;
    gathered.facts.rules = Rules {
        schemas_are_gates: false,
        databases_are_gates: false,
        triggers_run_as_definer: true,
        owners_grant: false,
        definers_without_roles: gathered.mariadb,
        definers_are_asked: true,
    };
    gathered.schemas(&mut ask).await;
    gathered.relations(&mut ask).await;
    gathered.columns(&mut ask).await;
    gathered.people(&mut ask).await;
    gathered.views(&mut ask).await;
    gathered.routines(&mut ask).await;
    gathered.rights(&mut ask).await;
    gathered.triggers(&mut ask).await;
    gathered.references(&mut ask).await;
    gathered.links(&mut ask).await;
    gathered.sessions(&mut ask).await;
    gathered.statements(&mut ask).await;
    for part in [
        Part::Databases,
        Part::Policies,
        Part::Sequences,
        Part::Defaults,
        Part::Extensions,
        Part::LoginRules,
    ] {
        gathered.facts.say(part, Outcome::Absent);
    }
    gathered.facts.sent = ask.sent();
    ask.end().await;
    Ok(gathered.facts)
}

impl Gathered {
    /// Says how a part went. `needs`: what would show it, when a right is missing.
    fn ended(&mut self, part: Part, error: Option<&Error>, needs: &str) {
        let outcome = match error {
            None => Outcome::Whole,
            Some(error) => Outcome::NotSeen {
                why: why(error),
                needs: match error.kind {
                    ErrorKind::Unavailable => "an audit over a connection that holds".to_owned(),
                    _ if is_timeout(error) => "a longer `--budget`".to_owned(),
                    // Tables that are not as in the versions that are known.
                    ErrorKind::Missing => version::NEEDS.to_owned(),
                    _ => needs.to_owned(),
                },
            },
        };
        self.facts.say(part, outcome);
    }

    /// What is seen of objects: all, or only what this login may use itself.
    fn objects_ended(&mut self, part: Part, error: Option<&Error>) {
        self.ended(
            part,
            error,
            "GRANT SELECT, SHOW VIEW, TRIGGER, EXECUTE ON *.* TO this login",
        );
        if error.is_none() && !self.sees_all {
            let why = "only what this login may use itself is shown to it: GRANT SELECT, SHOW VIEW, TRIGGER ON *.* TO this login";
            self.facts.say(part, Outcome::Partial(why.to_owned()));
        }
    }

    /// `AND column IN (…)` for the databases that are looked at.
    fn within(&self, column: &str) -> String {
        match &self.only {
            Some(only) => format!("{column} = {}", crate::names::literal(only)),
            None => format!(
                "{column} NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys')"
            ),
        }
    }
}

fn is_timeout(error: &Error) -> bool {
    error.native.as_deref().is_some_and(|code| {
        code == ask::BUDGET
            || ["1969", "3024", "1205"]
                .iter()
                .any(|own| code.starts_with(own))
    })
}

fn why(error: &Error) -> String {
    if is_timeout(error) {
        return "it took longer than the audit allows itself".to_owned();
    }
    match error.kind {
        ErrorKind::Unavailable => "the connection was lost".to_owned(),
        _ => error.message.clone(),
    }
}

/// The text there; NULL is empty.
fn word(row: &[Value], at: usize) -> String {
    match row.get(at) {
        Some(Value::Text(text)) => text.clone(),
        Some(Value::Bytes(bytes)) => String::from_utf8_lossy(bytes).into_owned(),
        Some(Value::I64(number)) => number.to_string(),
        Some(Value::F64(number)) => number.to_string(),
        _ => String::new(),
    }
}

fn number(row: &[Value], at: usize) -> Option<i64> {
    match row.get(at)? {
        Value::I64(number) => Some(*number),
        Value::Text(text) => text.parse().ok(),
        _ => None,
    }
}

/// A place in a list; lists are bounded far below what it holds.
fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
