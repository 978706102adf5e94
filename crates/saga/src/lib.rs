//! Sagas: transactions over several services, as data that is checked before it runs.
//!
//! Pure so far: no I/O, no clock.

mod contract;
mod expression;

pub use contract::{Field, NoType, Type};
pub use expression::{Expression, Failure, Names, Problem, ProblemKind, Scope, is_name};
