//! The audit's contract: what an engine can tell about a live database without changing anything.
//!
//! An engine *collects* [`Facts`]: principals, rights, objects, sessions, statements, as plain data
//! in words that all engines share. Nothing is judged here, and nothing is left out silently: each
//! [`Part`] says whether it was seen whole, in part, or not, and what would show the rest.
//! What follows from the facts is decided in the `boundary` crate, without a connection.
//!
//! A right is held by a principal when it, PUBLIC, or a principal that it inherits has a [`Grant`]
//! that covers the object, and the gates of [`Rules`] let it through. Where a server decides
//! otherwise, the engine resolves that before it hands out facts.

mod activity;
mod objects;
mod principals;

use std::time::Duration;

pub use activity::{LoginRule, Session, Statement, Window};
pub use objects::{
    Database, Extension, Link, LinkKind, Policy, Reference, Relation, RelationKind, Routine,
    RowSecurity, Schema, SequenceUse, Trigger, UserMapping, ViewUse,
};
pub use principals::{
    DefaultGrant, Gives, Grant, Grantee, Membership, On, Power, Principal, Rights,
};

/// How much an audit may take of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// One statement.
    pub statement: Duration,
    /// Waiting for any lock.
    pub lock: Duration,
    /// Everything together; what is not read by then is [`Outcome::Partial`] or not seen.
    pub total: Duration,
    /// Rows of one kind of thing (tables, columns, statements …).
    pub rows: usize,
    /// Characters of one statement or one routine's body.
    pub text: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            statement: Duration::from_secs(5),
            lock: Duration::from_millis(500),
            total: Duration::from_secs(30),
            rows: 200_000,
            text: 16_000,
        }
    }
}

/// A kind of fact that is asked for on its own, so that it can be seen or not on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Version, database, clock.
    Server,
    /// Logins and roles.
    Principals,
    /// Who is a member of whom.
    Memberships,
    /// Databases and schemas with their rights.
    Databases,
    /// Tables, views, sequences: names, owners, sizes, rights.
    Relations,
    /// Columns with rights of their own.
    Columns,
    /// What views read.
    Views,
    /// Functions, procedures, events.
    Routines,
    /// Triggers.
    Triggers,
    /// Row security.
    Policies,
    /// Foreign keys.
    References,
    /// Sequences that tables draw from.
    Sequences,
    /// Rights on objects to come.
    Defaults,
    /// What is installed.
    Extensions,
    /// Ways to other servers.
    Links,
    /// Who is connected now.
    Sessions,
    /// What was run, how often, how long.
    Statements,
    /// From where a login may come.
    LoginRules,
}

/// How much of a part was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// All of it.
    Whole,
    /// Some; why not the rest.
    Partial(String),
    /// Nothing. `needs`: the right or setting that would show it.
    NotSeen {
        /// What stood in the way.
        why: String,
        /// The right or setting that would show it, as one would grant or set it.
        needs: String,
    },
    /// This server has no such thing.
    Absent,
}

/// A part and how much of it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Which part.
    pub part: Part,
    /// How much.
    pub outcome: Outcome,
}

/// What the server does with rights, where servers differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, as the server keeps it"
)]
pub struct Rules {
    /// Nothing in a schema can be named without USAGE on it.
    pub schemas_are_gates: bool,
    /// A login needs CONNECT on the database.
    pub databases_are_gates: bool,
    /// Triggers run with the rights of whoever defined them.
    pub triggers_run_as_definer: bool,
    /// An owner may give itself every right on its object.
    pub owners_grant: bool,
    /// What runs as its definer has the definer's own rights, not those of roles.
    pub definers_without_roles: bool,
    /// What runs as its definer needs the definer's right to run it, and asks views further down as
    /// the definer.
    pub definers_are_asked: bool,
}

/// Which server it was, and when.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Server {
    /// `PostgreSQL`, `MariaDB`, `MySQL`.
    pub product: String,
    /// As people say it: `15.18`.
    pub version: String,
    /// Comparable, as in [`crate::Probe::version_num`].
    pub version_num: u32,
    /// Host and port, or the socket.
    pub address: String,
    /// The database that was audited.
    pub database: String,
    /// The login of the audit.
    pub login: String,
    /// The server's clock at the beginning, in seconds since 1970.
    pub clock: i64,
    /// When the server started, in seconds since 1970.
    pub started: Option<i64>,
}

/// What the audit asked of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sent {
    /// Statements.
    pub statements: u32,
    /// From the first to the last, in milliseconds.
    pub elapsed_ms: u64,
    /// The longest of them, in milliseconds.
    pub longest_ms: u64,
}

/// Everything that was seen. Numbers are places in the lists of this struct.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Facts {
    /// Which server, and when.
    pub server: Server,
    /// What it cost.
    pub sent: Sent,
    /// Each part once.
    pub seen: Vec<Seen>,
    /// How rights work there.
    pub rules: Rules,
    /// Logins and roles.
    pub principals: Vec<Principal>,
    /// Who is a member of whom.
    pub memberships: Vec<Membership>,
    /// Rights that are given.
    pub grants: Vec<Grant>,
    /// Rights on what is not made yet.
    pub defaults: Vec<DefaultGrant>,
    /// Databases of the server; [`Facts::here`] is the audited one.
    pub databases: Vec<Database>,
    /// Schemas of the audited database (on MySQL: the databases).
    pub schemas: Vec<Schema>,
    /// Tables, views, sequences.
    pub relations: Vec<Relation>,
    /// What views read.
    pub view_uses: Vec<ViewUse>,
    /// Functions, procedures, events.
    pub routines: Vec<Routine>,
    /// Triggers.
    pub triggers: Vec<Trigger>,
    /// Row security's policies.
    pub policies: Vec<Policy>,
    /// Foreign keys.
    pub references: Vec<Reference>,
    /// Sequences that tables draw from.
    pub sequences: Vec<SequenceUse>,
    /// What is installed.
    pub extensions: Vec<Extension>,
    /// Ways to other servers.
    pub links: Vec<Link>,
    /// Who is connected.
    pub sessions: Vec<Session>,
    /// What was run.
    pub statements: Vec<Statement>,
    /// Over what time.
    pub window: Window,
    /// From where logins may come.
    pub login_rules: Vec<LoginRule>,
}

impl Facts {
    /// How much of a part was seen. A part that nobody spoke of was not.
    pub fn outcome(&self, part: Part) -> Outcome {
        let said = self.seen.iter().find(|seen| seen.part == part);
        said.map_or_else(
            || Outcome::NotSeen {
                why: "the audit ended before".to_owned(),
                needs: "a longer `--budget`".to_owned(),
            },
            |seen| seen.outcome.clone(),
        )
    }

    /// Was all of it seen, or is there no such thing?
    pub fn is_whole(&self, part: Part) -> bool {
        matches!(self.outcome(part), Outcome::Whole | Outcome::Absent)
    }

    /// Says how much of a part was seen; what was said before is replaced.
    pub fn say(&mut self, part: Part, outcome: Outcome) {
        self.seen.retain(|seen| seen.part != part);
        self.seen.push(Seen { part, outcome });
    }

    /// The place of the audited database.
    pub fn here(&self) -> Option<u32> {
        let at = self
            .databases
            .iter()
            .position(|own| own.name == self.server.database)?;
        u32::try_from(at).ok()
    }
}
