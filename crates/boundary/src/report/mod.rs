//! Findings as people and machines read them.
//!
//! Owns the forms: text with excerpts, a matrix, JSON, SARIF, annotations for CI. Pure: excerpts
//! come from a reader that the caller gives.

mod annotations;
mod codeowners;
mod graph;
mod history;
mod human;
mod json;
mod matrix;
mod sarif;

pub use annotations::{github, gitlab};
pub use codeowners::codeowners;
pub use graph::{mermaid, svg};
pub use history::history;
pub use human::{Shown, human};
pub use json::json;
pub use matrix::matrix;
pub use sarif::sarif;

/// How a piece of text is meant; the caller knows colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Plain,
    Strong,
    Dim,
    Warn,
    Bad,
}

/// Puts a text into its tone.
pub type Paint<'a> = &'a dyn Fn(Tone, &str) -> String;

/// A path with forward slashes, as machines want it.
fn slashed(path: &std::path::Path) -> String {
    path.to_string_lossy().replace('\\', "/")
}
