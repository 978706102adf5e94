//! Who there is, who belongs to whom, and what they were given.

use std::fmt;
use std::ops::{BitAnd, BitOr, BitOrAssign, Not};

/// Somebody who can hold rights: a role, a login, an account.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, as the server keeps it"
)]
pub struct Principal {
    /// As the server writes it: `orders_app`, `orders_app@10.%`.
    pub name: String,
    /// It may log in: it has the attribute, is not locked, and its password has not expired.
    pub may_login: bool,
    /// No check of rights applies to it.
    pub superuser: bool,
    /// Row security does not apply to it.
    pub bypasses_row_security: bool,
    /// The server brought it: `pg_read_all_data`, `mysql.sys`.
    pub built_in: bool,
    /// Attributes and rights that reach further than they say.
    pub powers: Vec<Power>,
    /// What was written about it: freehold's mark among others.
    pub comment: Option<String>,
}

/// An attribute or server-wide right that opens tables although it does not name them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Power {
    /// In the server's words: `CREATEROLE`, `FILE`.
    pub name: String,
    /// What it comes to.
    pub gives: Gives,
}

/// What a power comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gives {
    /// Reads everything, past all rights: a copy of the whole server, its files.
    Reading,
    /// Reads and writes everything.
    Everything,
    /// Can give itself the rights of others.
    OthersRights,
}

/// One principal belongs to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, as the server keeps it"
)]
pub struct Membership {
    /// Who.
    pub member: u32,
    /// To whom.
    pub role: u32,
    /// It has the role's rights without doing anything.
    pub inherits: bool,
    /// It may take the role on (`SET ROLE`).
    pub may_set: bool,
    /// It may hand the membership on, to itself too.
    pub admin: bool,
    /// The role's rights stand among the member's own grants already, as the server merges them.
    pub merged: bool,
}

/// Who was given something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grantee {
    /// Everybody, and everybody to come.
    Public,
    /// One principal.
    One(u32),
}

/// What a right is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum On {
    /// Everything on the server.
    Server,
    /// A database, as something to connect to.
    Database(u32),
    /// A schema; rights of tables on it are on all its tables.
    Schema(u32),
    /// A table, view or sequence.
    Relation(u32),
    /// A column: relation, then place among its columns.
    Column(u32, u16),
    /// A routine.
    Routine(u32),
    /// A way to another server.
    Link(u32),
}

/// Rights that were given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// To whom.
    pub to: Grantee,
    /// On what.
    pub on: On,
    /// Which.
    pub rights: Rights,
    /// Which of them may be handed on.
    pub grantable: Rights,
    /// It was written with a wildcard that means this object too.
    pub wildcard: bool,
}

/// Rights that will be given on what an owner makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefaultGrant {
    /// Whose objects.
    pub owner: u32,
    /// Only in this schema.
    pub schema: Option<u32>,
    /// `tables`, `sequences`, `functions`, `types`, `schemas`.
    pub kind: &'static str,
    /// To whom.
    pub to: Grantee,
    /// Which.
    pub rights: Rights,
}

/// A set of rights.
#[derive(Clone, Copy, PartialEq, Eq, Default, Hash, PartialOrd, Ord)]
pub struct Rights(pub u32);

impl Rights {
    /// No right.
    pub const NONE: Self = Self(0);
    /// Read rows.
    pub const SELECT: Self = Self(1);
    /// Add rows.
    pub const INSERT: Self = Self(1 << 1);
    /// Change rows.
    pub const UPDATE: Self = Self(1 << 2);
    /// Remove rows.
    pub const DELETE: Self = Self(1 << 3);
    /// Empty a table.
    pub const TRUNCATE: Self = Self(1 << 4);
    /// Point a foreign key at it.
    pub const REFERENCES: Self = Self(1 << 5);
    /// Make triggers on it.
    pub const TRIGGER: Self = Self(1 << 6);
    /// Name what is inside.
    pub const USAGE: Self = Self(1 << 7);
    /// Make things inside.
    pub const CREATE: Self = Self(1 << 8);
    /// Run it.
    pub const EXECUTE: Self = Self(1 << 9);
    /// Enter it.
    pub const CONNECT: Self = Self(1 << 10);
    /// Make temporary tables.
    pub const TEMPORARY: Self = Self(1 << 11);
    /// Vacuum, analyse, lock.
    pub const MAINTAIN: Self = Self(1 << 12);
    /// Change its definition.
    pub const ALTER: Self = Self(1 << 13);
    /// Hand every right on it on.
    pub const GRANT: Self = Self(1 << 14);
    /// What touches rows.
    pub const ROWS: Self = Self(0b1_1111);
    /// What changes rows.
    pub const WRITES: Self = Self(0b1_1110);

    /// Each right that touches rows, with its name.
    pub const ACTIONS: [(Self, &'static str); 5] = [
        (Self::SELECT, "SELECT"),
        (Self::INSERT, "INSERT"),
        (Self::UPDATE, "UPDATE"),
        (Self::DELETE, "DELETE"),
        (Self::TRUNCATE, "TRUNCATE"),
    ];

    const OTHERS: [(Self, &'static str); 10] = [
        (Self::REFERENCES, "REFERENCES"),
        (Self::TRIGGER, "TRIGGER"),
        (Self::USAGE, "USAGE"),
        (Self::CREATE, "CREATE"),
        (Self::EXECUTE, "EXECUTE"),
        (Self::CONNECT, "CONNECT"),
        (Self::TEMPORARY, "TEMPORARY"),
        (Self::MAINTAIN, "MAINTAIN"),
        (Self::ALTER, "ALTER"),
        (Self::GRANT, "GRANT OPTION"),
    ];

    /// Are all of `wanted` in it?
    #[must_use]
    pub fn has(self, wanted: Self) -> bool {
        self.0 & wanted.0 == wanted.0
    }

    /// Is any of `wanted` in it?
    #[must_use]
    pub fn has_any(self, wanted: Self) -> bool {
        self.0 & wanted.0 != 0
    }

    /// Is it empty?
    #[must_use]
    pub fn is_none(self) -> bool {
        self.0 == 0
    }

    /// The right of this name; none for a name that says nothing about rows, schemas or routines.
    #[must_use]
    pub fn named(word: &str) -> Self {
        let mut all = Self::ACTIONS.iter().chain(&Self::OTHERS);
        all.find(|(_, name)| name.eq_ignore_ascii_case(word))
            .map_or(Self::NONE, |(right, _)| *right)
    }

    /// Their names in the order of the constants.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::ACTIONS
            .into_iter()
            .chain(Self::OTHERS)
            .filter(move |(right, _)| self.has(*right))
            .map(|(_, name)| name)
    }
}

impl BitOr for Rights {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Rights {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl BitAnd for Rights {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl Not for Rights {
    type Output = Self;
    fn not(self) -> Self {
        Self(!self.0)
    }
}

impl fmt::Debug for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names().collect::<Vec<_>>().join("+"))
    }
}
