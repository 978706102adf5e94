//! Who can enter the stores and what of that nobody described: what `audit` sees in the databases.

use freehold_look::Shape;
use serde::{Deserialize, Serialize};

/// An audit of the described stores.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Databases {
    pub at: u64,
    pub stores: Vec<Entered>,
    /// What concerns several stores, or none.
    pub findings: Vec<Opening>,
    /// Why nobody could look; empty: somebody did.
    pub trouble: String,
    pub code: String,
}

/// One store, and who reaches it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Entered {
    /// `orders`, `orders.search`.
    pub store: String,
    /// `main/orders`
    pub place: String,
    pub logins: Vec<Login>,
    pub findings: Vec<Opening>,
    /// Findings that it shares with others.
    pub shared: u64,
    /// What could hide something, and nobody could see.
    pub unseen: Vec<String>,
}

/// Somebody who may log in and reaches a table.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Login {
    pub name: String,
    /// What the description says of it: `app`, `not described`.
    pub stands: String,
    pub described: bool,
    /// Tables that it may read, and write.
    pub reads: u64,
    pub writes: u64,
    pub sessions: u64,
}

/// A way in that nobody described, and how it is closed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Opening {
    pub code: String,
    /// A sentence; names stand between backticks.
    pub what: String,
    pub repair: String,
}

/// Is it as described?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Open,
    Closed,
    NotKnown,
}

impl Verdict {
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::NotKnown => "not known",
        }
    }

    #[must_use]
    pub fn shape(self) -> Shape {
        match self {
            Self::Open => Shape::Failed,
            Self::Closed => Shape::Well,
            Self::NotKnown => Shape::NotKnown,
        }
    }
}

impl Entered {
    /// Closed only if nothing could hide.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        if !self.findings.is_empty() || self.shared > 0 {
            Verdict::Open
        } else if !self.unseen.is_empty() {
            Verdict::NotKnown
        } else {
            Verdict::Closed
        }
    }
}

impl Databases {
    /// The worst of all stores.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let has = |own| self.stores.iter().any(|it| it.verdict() == own);
        if !self.findings.is_empty() || has(Verdict::Open) {
            Verdict::Open
        } else if self.stores.is_empty() || has(Verdict::NotKnown) {
            Verdict::NotKnown
        } else {
            Verdict::Closed
        }
    }

    /// Each with its store; those of several have none.
    pub fn openings(&self) -> impl Iterator<Item = (Option<&str>, &Opening)> {
        let of_stores = self.stores.iter().flat_map(|store| {
            let own = store.findings.iter();
            own.map(|it| (Some(store.store.as_str()), it))
        });
        self.findings.iter().map(|it| (None, it)).chain(of_stores)
    }
}
