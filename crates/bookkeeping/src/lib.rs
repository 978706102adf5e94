//! What several features keep in a store: today the ledger; leadership, lanes and watermarks later.
//!
//! Algorithms only: each engine gives the statements. Decisions on what is kept are pure and live
//! with the feature that makes them.

mod ledger;

pub use ledger::{Entry, EntryKind, Ledger, State, delete, from_rows, put, read};
