//! Expressions: a checked subset of the Common Expression Language, with a cost limit.
//!
//! Written for this use instead of taken from a crate: those that parse CEL bring a parser
//! generator's runtime, an interpreter that we may not use (ours has to be checked before it
//! runs) and no bound on nesting. The subset: null, bool, int (checked 64 bits), double, text,
//! lists, maps; selection, index, `has`, the operators, `in`, `?:`; `size`, `string`, `int`,
//! `double`, `startsWith`, `endsWith`, `contains`; `all`, `exists`, `exists_one`, `filter`, `map`.
//!
//! Pure and total: an expression that was compiled ends within its cost, in a value or a
//! [`Failure`]. Where they stand in a definition: [`crate::template`].

mod check;
mod evaluate;
mod parse;
mod token;
mod tree;

use serde_json::Value;

use crate::contract::Type;

pub use evaluate::{Failure, Names};
pub use token::is_name;

use tree::Tree;

/// Longer expressions are refused.
pub(crate) const LENGTH_LIMIT: usize = 4096;
/// Deeper nesting is refused; it bounds every recursion over an expression.
pub(crate) const DEPTH_LIMIT: usize = 64;
/// What one evaluation may cost: roughly a unit for each operation, item and 16 bytes made.
pub(crate) const COST_LIMIT: u64 = 100_000;

/// An expression that was parsed and checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    source: String,
    tree: Tree,
    of: Type,
}

/// What is wrong with an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Characters before it, from 0.
    pub at: usize,
    pub message: String,
    pub kind: ProblemKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemKind {
    /// Not in the subset.
    Syntax,
    /// Names that are not there, types that do not go together.
    Meaning,
}

/// The names that an expression may use, with their types.
pub type Scope<'a> = &'a [(&'a str, &'a Type)];

impl Expression {
    /// Parses and checks.
    pub fn compile(source: &str, scope: Scope<'_>) -> Result<Self, Problem> {
        let tree = parse::parse(source)?;
        let of = check::check(&tree, scope)?;
        Ok(Self {
            source: source.to_owned(),
            tree,
            of,
        })
    }

    /// The type of what comes out; `Any` where that depends on what is not described.
    pub fn of(&self) -> &Type {
        &self.of
    }

    pub fn source(&self) -> &str {
        &self.source
    }

    /// The value for these values of its names. Values are expected to have been held to the types
    /// that the expression was checked against; what is not described fails when it does not fit.
    pub fn evaluate(&self, names: Names<'_>) -> Result<Value, Failure> {
        evaluate::evaluate(&self.tree, names)
    }
}
