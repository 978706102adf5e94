//! The boundary in a live database: who can reach what, who does, and what ties contexts together.
//!
//! Owns the analysis of facts that were collected from a server, and the report on it. Must not
//! connect: facts come in as data.

pub mod report;
