//! A way in, a session or a right that should not be there, with its repair.

use serde::{Deserialize, Serialize};

/// One thing to close. Texts have names between backticks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Finding {
    /// `FH23nn`; the page behind it says more.
    pub code: String,
    /// What is there.
    pub message: String,
    /// What closes it: a statement where one does.
    pub repair: String,
}
