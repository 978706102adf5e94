//! Read models: from a definition as it is written to a plan that can be kept incrementally, or to
//! the reasons why not, with their places.
//!
//! Pure. Start at [`plan()`]; what it gives stands in the engines' contract, and each engine makes
//! its own statements of it. Knows nothing of how rows come, nor of any engine but its words.

mod expression;
mod plan;
mod query;
mod reader;
mod refusal;
#[cfg(test)]
mod tests;
mod words;

pub use plan::{Aggregate, Function, Join, JoinKind, Output, Plan, Source};
pub use reader::{CopyShape, Definition, plan};
