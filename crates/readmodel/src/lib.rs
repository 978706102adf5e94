//! Read models: from a definition as it is written to a plan that can be kept incrementally, or to
//! the reasons why not, with their places; and from a plan to what keeps it, in an engine's words.
//!
//! Pure. Start at [`plan()`]; what it gives stands in the engines' contract, and each engine makes
//! its tables and statements of it as [`Kept`], by its own [`Wording`]. Knows nothing of how rows
//! come, nor of any engine by name but for its dialect.

mod expression;
mod kept;
mod plan;
mod query;
mod reader;
mod refusal;
mod sql;
#[cfg(test)]
mod tests;
mod wording;
mod words;

pub use kept::Kept;
pub use plan::{Aggregate, Function, Join, JoinKind, Output, Plan, Source};
pub use reader::{CopyShape, Definition, plan};
pub use sql::{READ_MODEL_PAGE, ReadModelSql};
pub use wording::{Input, Sums, Wording};
