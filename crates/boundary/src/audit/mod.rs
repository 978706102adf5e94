//! The boundary in a live database: who can reach what, who does, and what ties contexts together.
//!
//! Owns the analysis of facts that were collected from a server, and the report on it. Must not
//! connect: facts come in as data. Start at `analyse`; `reach` decides about rights as the server
//! does, `ways` finds what leads past them, `crossings` reads statements, `cut` says who owns what.

mod actors;
mod analyse;
mod bodies;
mod comment;
mod crossings;
mod cut;
mod described;
mod findings;
mod holds;
mod logins;
mod moment;
mod names;
mod people;
mod proposal;
mod propose;
mod ran;
pub mod reach;
pub mod report;
mod together;
mod unseen;
mod ways;

pub use analyse::{Known, analyse};
pub use described::{described, differences, ended};
pub use moment::rfc3339 as moment;
pub use proposal::boundaries;
pub use together::{
    Met, MetKey, Pair, Place, Ran, Together, together, together_sarif, together_text,
};
