//! SQL as text: tokens, statements, quoting, fingerprints, and what a statement says about itself.
//!
//! Pure: no I/O, no clock, no connection. Nothing here asks a server; what only a server knows
//! (defaults of a session, what a function does inside) is not claimed. Everything stands on the
//! [`lexer`], which is total: it reads any text whatever, never fails and never panics. Start
//! there, then [`split()`] for files and [`facts()`] for one statement.

mod dialect;
mod facts;
mod fingerprint;
pub mod lexer;
mod name;
mod quote;
mod seen;
mod split;
mod split_error;
mod uses;

pub use dialect::Dialect;
pub use facts::{Action, Effect, Facts, ForeignKey, Hole, Impact, Kind, facts, impacts};
pub use fingerprint::{Fingerprint, fingerprint};
pub use name::TableName;
pub use quote::{QuoteError, quote_ident, quote_literal};
pub use split::{Statement, split};
pub use split_error::{SplitError, SplitTrouble};
pub use uses::{
    Access, Container, ContainerKind, Dropped, HOLE, Key, ObjectName, TableUse, Unresolved, Uses,
    Why, uses,
};
