//! What an audit says: plain data, and the three forms in which people and machines read it.
//!
//! Owns [`Report`] and everything that follows from it alone: sums, the matrix, the order, the
//! sentences. Facts come from `analyse`; a sentence stands in the data only where nothing but the
//! analysis can know it, with names between backticks. Pure: no clock, no I/O. Must not guess: what
//! is not known is `None`, or a line in [`Report::unseen`].

mod begin;
mod context;
mod crossing;
mod date;
mod figures;
mod finding;
mod html;
mod json;
mod login;
mod matrix;
mod measured;
mod order;
mod program;
mod state;
mod system;
mod terminal;
mod tie;
mod unseen;
mod verdict;
mod words;

use serde::{Deserialize, Serialize};

pub use begin::{FirstStep, Now};
pub use context::{Context, Elsewhere, OrderStep, Origin};
pub use crossing::{Crossing, Spot, ToldBy, Verb, Way, WayOut};
pub use figures::{Figure, Sizes};
pub use finding::Finding;
pub use html::{html, html_of_system};
pub use login::{By, Login, Path, Public, PublicReads};
pub use matrix::{Cell, Matrix};
pub use measured::{Load, Measured, PastAudit, Subject, Window};
pub use order::{Stage, easiest};
pub use program::{Program, Touch};
pub use state::{State, States};
pub use system::{PastSystem, Reaching, Stands, StoreReport, SystemReport};
pub use terminal::{Terminal, terminal, terminal_of_system};
pub use tie::{Fit, Key, OnDelete, Orphan, Tie, TieKind, Users};
pub use unseen::Unseen;
pub use verdict::Verdict;

/// The version of the JSON form. It grows when a key changes its meaning or goes; new keys alone
/// leave it as it is.
pub const VERSION: u32 = 1;

/// One audit of one database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`VERSION`].
    pub version: u32,
    /// When it was taken, RFC 3339 in UTC: `2026-11-20T09:42:00Z`.
    pub at: String,
    /// The program that wrote it: `0.4.0`.
    pub freehold: String,
    pub subject: Subject,
    /// How much of each section is known. A section that stopped early says so here.
    pub states: States,
    /// The time that the statistics cover; `None` without statistics.
    pub window: Option<Window>,
    /// All statements of the database in the window, crossing or not; `None` without statistics.
    pub load: Option<Load>,
    /// In the order in which they are shown. Tables nobody owns are in [`Report::orphans`].
    pub contexts: Vec<Context>,
    /// Where the contexts come from.
    pub origin: Origin,
    /// Every statement of one context's program on a table that another one owns, once for each
    /// pair of contexts. The most expensive first.
    pub crossings: Vec<Crossing>,
    /// What may be reached, as the server would decide: for when there are no statistics.
    pub reach: Vec<Reach>,
    /// Everybody who may log in.
    pub logins: Vec<Login>,
    /// What everybody may do, where the server has such a group.
    pub public: Option<Public>,
    pub programs: Vec<Program>,
    /// Foreign keys between contexts.
    pub keys: Vec<Key>,
    /// Views, functions, triggers, sequences and policies that hold contexts together.
    pub ties: Vec<Tie>,
    /// Tables that nobody owns.
    pub orphans: Vec<Orphan>,
    /// Ways in, sessions and rights to close, each with its repair.
    #[serde(default)]
    pub findings: Vec<Finding>,
    /// Audits that were kept, oldest first, this one last. Fewer than two: nothing to draw.
    pub history: Vec<PastAudit>,
    /// The order in which contexts come off easiest.
    pub order: Vec<OrderStep>,
    pub unseen: Vec<Unseen>,
    pub measured: Measured,
}

/// What the logins of one context's programs may do with another's tables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    pub from: String,
    pub to: String,
    /// Tables that may be read.
    pub reads: usize,
    /// Tables that may be written.
    pub writes: usize,
}
