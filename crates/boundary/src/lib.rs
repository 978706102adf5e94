//! The boundary of each service, held against code and schema: who touches whose tables.
//!
//! Reads files and nothing else; executes nothing of what it reads. SQL is found in source code,
//! read by [`freehold_sql::uses`], and judged against [`Ownership`]. Must not connect, print or
//! read a clock. Start at [`check()`]; the way of one file is in `scan`, the verdicts in `judge`.

pub mod audit;
mod baseline;
mod builders;
mod cache;
mod check;
mod config;
mod constants;
pub mod contract;
mod declared;
mod finding;
#[cfg(test)]
mod fuzz;
mod gather;
mod imports;
mod judge;
mod language;
mod lints;
mod models;
mod net;
mod ownership;
mod paths;
mod policy;
mod prefilter;
pub mod report;
mod scan;
mod search;
mod shape;
mod source;
mod spot;
mod transactions;
mod walk;
mod xml;

pub use baseline::{Baseline, Compared, Day};
pub use cache::{Cache, Watched};
pub use check::{Checked, Checker, Counts, Unread, check};
pub use finding::{Finding, Kind};
pub use lints::{Lint, RULES, Rule};
pub use ownership::{Allow, Context, Origin, Ownership};
pub use spot::Spot;
pub use walk::Skipped;
