//! Rights as entries, and the difference between those described and those found.
//!
//! Pure. How an entry is read from a catalog and written as a statement is each engine's own.

use std::collections::BTreeSet;

use serde::Serialize;

/// What a right is held on. Names are as the catalog has them, unquoted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Object {
    /// The server as a whole (global privileges, role attributes).
    Server,
    /// A database.
    Database(String),
    /// A schema of the store's database.
    Schema(String),
    /// A table or view of the store.
    Table(String),
    /// A column of a table of the store.
    Column(String, String),
    /// A sequence of the store.
    Sequence(String),
    /// A function or procedure, with its argument types: `next_id(integer)`.
    Routine(String),
    /// A data type of the store.
    Type(String),
    /// Membership in a role.
    Role(String),
    /// Rights that objects yet to be made will carry: the kind of object.
    Default(String),
}

/// One right of one grantee, directly held.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Grant {
    /// A role or login; `PUBLIC` for everybody.
    pub grantee: String,
    /// On what.
    pub on: Object,
    /// The engine's own word in capitals: `SELECT`, `USAGE`, `MEMBER`.
    pub privilege: String,
    /// May it be handed on?
    pub grantable: bool,
}

impl Grant {
    /// A right that may not be handed on.
    pub fn new(grantee: &str, on: Object, privilege: &str) -> Self {
        Self {
            grantee: grantee.to_owned(),
            on,
            privilege: privilege.to_owned(),
            grantable: false,
        }
    }
}

/// What has to be granted and what has to be taken away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// Described and not found.
    pub missing: BTreeSet<Grant>,
    /// Found and not described.
    pub extra: BTreeSet<Grant>,
}

/// Compares entries. One that may be handed on although it should not counts as extra *and* its
/// plain form as missing, since taking it away takes both.
pub fn difference(wanted: &BTreeSet<Grant>, found: &BTreeSet<Grant>) -> Difference {
    Difference {
        missing: wanted.difference(found).cloned().collect(),
        extra: found.difference(wanted).cloned().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_right_that_may_be_handed_on_is_replaced() {
        let plain = Grant::new("app", Object::Table("t".into()), "SELECT");
        let handed = Grant {
            grantable: true,
            ..plain.clone()
        };
        let found = difference(
            &BTreeSet::from([plain.clone()]),
            &BTreeSet::from([handed.clone()]),
        );
        assert_eq!(
            found,
            Difference {
                missing: [plain].into(),
                extra: [handed].into()
            }
        );
    }
}
