//! How much of a section is known.

use serde::{Deserialize, Serialize};

/// How much of one section is known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// All that there is.
    #[default]
    Whole,
    /// The server counts no statements. `setting` is what would make it count.
    NoStatistics { setting: String },
    /// This login may not see all of it. What is shown is true; more may be there.
    FewRights { why: String },
    /// The audit stopped here. `at` is RFC 3339 in UTC.
    CutShort { at: String, why: String },
}

impl State {
    /// Whether nothing is missing.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        *self == Self::Whole
    }
}

/// The state of each section that can be short of something.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct States {
    /// Sections 1 to 3 and what is counted from them.
    pub crossings: State,
    pub logins: State,
    pub programs: State,
    pub ties: State,
    pub orphans: State,
    pub contexts: State,
}

impl States {
    /// Number, name and state of each section, in the order of the page.
    pub fn each(&self) -> [(u8, &'static str, &State); 6] {
        [
            (2, "Crossings", &self.crossings),
            (4, "Logins", &self.logins),
            (5, "Programs", &self.programs),
            (6, "Ties", &self.ties),
            (7, "Nobody’s", &self.orphans),
            (10, "Contexts", &self.contexts),
        ]
    }
}
