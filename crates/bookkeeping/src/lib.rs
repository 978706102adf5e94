//! What several features keep in a store: the ledger, and leadership among sidecars.
//!
//! Algorithms only: each engine gives the statements. Decisions on what is kept are pure and live
//! with the feature that makes them.

mod leadership;
mod ledger;

pub use leadership::{Claim, Epoch, Leader, claim, fence, lead, resign};
pub use ledger::{Entry, EntryKind, Ledger, State, delete, from_rows, put, read};
