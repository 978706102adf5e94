//! What the audit could not see.

use serde::{Deserialize, Serialize};

/// One thing that was not seen. All texts have names and code between backticks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Unseen {
    /// `Statements inside functions`.
    pub what: String,
    /// `` `pg_stat_statements.track` is `top` ``.
    pub because: String,
    /// What it would show.
    pub would_show: String,
    /// The right or the setting that shows it.
    pub shown_by: String,
    /// Whether a crossing or a way in could hide here: then nothing is called closed.
    pub could_hide: bool,
    /// Whether it is missing because this login has too few rights.
    pub for_want_of_rights: bool,
    /// Calls that are known to be in it; they are in no other section.
    pub calls_a_day: Option<f64>,
}
