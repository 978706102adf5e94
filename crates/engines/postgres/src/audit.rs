//! Reads who can and does reach what: the audit's facts from the catalogs of PostgreSQL 12 and later.
//!
//! One connection, one read-only transaction, a savepoint around each question, so that one that
//! fails costs only its own part. Only catalogs and statistics are read; nothing here takes a lock
//! above ACCESS SHARE, and sizes are the catalogs' own estimates because asking for real ones
//! would wait behind others' locks. `ask.rs` sends, the other files are a part of the facts each.

mod activity;
mod ask;
mod links;
mod objects;
mod people;
mod ties;
mod version;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use freehold_engine::audit::{Facts, Limits, Outcome, Part, Rules};
use freehold_engine::{Address, Endpoint, ErrorKind, Result};

use crate::connect::dial;
use ask::Ask;

/// A connection is given up when it says nothing for this long after its last statement should
/// have been ended by the server.
const GRACE: Duration = Duration::from_secs(2);

/// What is being put together: the facts, and where each object of the catalogs went in them.
#[derive(Default)]
pub(crate) struct Gathered {
    facts: Facts,
    version: u32,
    role_of_oid: HashMap<u32, u32>,
    role_of_name: HashMap<String, u32>,
    schema_of_oid: HashMap<u32, u32>,
    relation_of_oid: HashMap<u32, u32>,
    /// Relation → its columns' numbers in the catalog, in order.
    numbers: HashMap<u32, Vec<i32>>,
    routine_of_oid: HashMap<u32, u32>,
    /// Roles without INHERIT, where that decides (before 16).
    never_inherits: HashSet<u32>,
    /// The login sees what others run.
    sees_others: bool,
}

/// Reads everything that `limits` and the login's rights allow.
pub(crate) async fn audit(at: &Endpoint, limits: &Limits) -> Result<Facts> {
    let client = dial(at)
        .await
        .map_err(|error| error.during("connect for the audit"))?;
    let mut ask = Ask::new(client, limits.clone());
    let mut gathered = Gathered::default();
    gathered.facts.rules = Rules {
        schemas_are_gates: true,
        databases_are_gates: true,
        triggers_run_as_definer: false,
        owners_grant: true,
        definers_without_roles: false,
        definers_are_asked: false,
    };
    gathered.facts.server.address = address(at);
    ask.begin().await?;
    gathered.read(&mut ask).await;
    gathered.facts.sent = ask.sent();
    // What was read is told, whether or not the end reaches the server.
    let _ = tokio::time::timeout(GRACE, ask.end()).await;
    Ok(gathered.facts)
}

fn address(at: &Endpoint) -> String {
    match &at.address {
        Address::Tcp(host, port) => format!("{host}:{port}"),
        Address::Unix(folder, port) => format!("{}:{port}", folder.display()),
        Address::Path(path) => path.display().to_string(),
    }
}

impl Gathered {
    async fn read(&mut self, ask: &mut Ask) {
        self.server(ask).await;
        self.principals(ask).await;
        self.memberships(ask).await;
        self.databases(ask).await;
        self.schemas(ask).await;
        self.relations(ask).await;
        self.columns(ask).await;
        self.views(ask).await;
        self.routines(ask).await;
        self.triggers(ask).await;
        self.policies(ask).await;
        self.references(ask).await;
        self.sequences(ask).await;
        self.defaults(ask).await;
        self.extensions(ask).await;
        self.links(ask).await;
        self.sessions(ask).await;
        self.statements(ask).await;
        self.login_rules(ask).await;
    }

    /// Says how a part went. `needs`: what would show it, when a right is missing.
    fn ended(&mut self, part: Part, error: Option<&freehold_engine::Error>, needs: &str) {
        let outcome = match error {
            None => Outcome::Whole,
            Some(error) => Outcome::NotSeen {
                why: why(error),
                needs: match error.kind {
                    ErrorKind::Unavailable => "an audit over a connection that holds".to_owned(),
                    ErrorKind::Conflict => "another audit when nobody changes tables".to_owned(),
                    _ if is_timeout(error) => "a longer `--budget`".to_owned(),
                    // A catalog that is not as in the versions that are known.
                    ErrorKind::Missing => version::NEEDS.to_owned(),
                    _ => needs.to_owned(),
                },
            },
        };
        self.facts.say(part, outcome);
    }

    /// Says that a list was cut.
    fn cut(&mut self, part: Part, rows: usize, limit: usize) {
        if rows > limit {
            self.facts.say(
                part,
                Outcome::Partial(format!("there are more than {limit}")),
            );
        }
    }
}

/// The server ended the statement for the time that it took, or the audit its own.
fn is_timeout(error: &freehold_engine::Error) -> bool {
    error
        .native
        .as_deref()
        .is_some_and(|code| code == "57014" || code == ask::BUDGET)
}

fn why(error: &freehold_engine::Error) -> String {
    if is_timeout(error) {
        return "it took longer than the audit allows itself".to_owned();
    }
    match error.kind {
        ErrorKind::Unavailable => "the connection was lost".to_owned(),
        ErrorKind::Conflict => "a lock of somebody else stood in the way".to_owned(),
        _ => error.message.clone(),
    }
}
