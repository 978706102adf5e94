//! Who connects, and what it touched.

use serde::{Deserialize, Serialize};

/// A program with sessions or statements.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    pub name: String,
    /// The context whose program it is; a program with one is called a service.
    pub context: Option<String>,
    pub logins: Vec<String>,
    /// Open sessions.
    pub sessions: usize,
    /// In the order of the contexts, nobody's last. Empty without statistics: not known.
    pub touches: Vec<Touch>,
    /// How often it wrote in the window; only for programs of no context.
    pub writes: Option<u64>,
}

/// What a program did with the tables of one context.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Touch {
    /// `None`: tables that nobody owns.
    pub context: Option<String>,
    pub reads: bool,
    pub writes: bool,
}
