//! Files into statements.
use crate::{Dialect, SplitError};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    pub text: String,
    pub line: usize,
    pub column: usize,
}

pub fn split(dialect: Dialect, text: &str) -> Result<Vec<Statement>, SplitError> {
    let _ = (dialect, text);
    Ok(Vec::new())
}
