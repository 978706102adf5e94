//! Which tables a text of SQL touches, and how: read, written, referenced, made, locked, granted.
//!
//! Owns the answer for any text whatever: whole files, one statement, half a statement cut out of
//! a program. It is a reader of tokens and scopes, not a grammar: it knows the places where a
//! table's name can stand, and goes on past everything else. So nothing makes it fail; what it
//! could not make out is listed in [`Uses::unresolved`]. Must not know who owns a table.
//! Start at `walk`; `source` reads FROM lists, `verb` the statements that name a target.

mod body;
mod cte;
mod ddl;
mod finish;
mod key;
mod name;
mod source;
mod state;
#[cfg(test)]
mod tests;
mod upkeep;
mod verb;
mod walk;
mod words;

use std::fmt;
use std::ops::Range;

use crate::Dialect;
use crate::lexer::Lexer;
use crate::seen::Seen;

/// Stands in a text for what only the running program knows: `${…}`, `{…}`, `" + x + "`. Every
/// dialect's lexer takes it for a letter, so `m_\u{E000}` is one word, with a hole in it.
pub const HOLE: char = '\u{E000}';

/// Everything that a text touches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Uses {
    /// In the order of the text.
    pub tables: Vec<TableUse>,
    pub unresolved: Vec<Unresolved>,
    /// What [`TableUse::container`] points into.
    pub containers: Vec<Container>,
    /// Routines that triggers call, and the triggers' tables.
    pub triggered: Vec<(ObjectName, ObjectName)>,
    /// Constraints and columns that ALTER TABLE takes away, in the order of the text.
    pub dropped: Vec<Dropped>,
    /// Parentheses or quotes did not close, or a table's place held something else: what was
    /// found is still likely, but not sure.
    pub recovered: bool,
}

/// One place where a table is named in a way that touches it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableUse {
    pub name: ObjectName,
    pub access: Access,
    /// It stands in a JOIN, or beside another table in a FROM list.
    pub joined: bool,
    /// The bytes of the name in the text, qualifiers included.
    pub span: Range<usize>,
    /// Which statement of the text, from 0; all of a routine's body count as one.
    pub statement: usize,
    /// The object whose definition this stands in.
    pub container: Option<usize>,
    /// The schema or database that `USE` or `SET search_path` made the default before.
    pub within: Option<String>,
    /// Of a foreign key: which one it is.
    pub key: Option<Key>,
    /// A query takes all its columns: `SELECT *`, `SELECT t.*`.
    pub whole: bool,
}

/// What tells a foreign key from others of its table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Key {
    pub constraint: Option<String>,
    /// Its columns in its own table.
    pub columns: Vec<String>,
}

/// A part of a table that is taken away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    pub table: ObjectName,
    /// The constraint's or the column's name.
    pub name: String,
    pub column: bool,
    /// The first byte of the name in the text.
    pub start: usize,
}

/// How a table is touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Access {
    Read,
    Insert,
    Update,
    Delete,
    Merge,
    Truncate,
    /// The far end of a foreign key, `LIKE t`, `INHERITS (t)`.
    Reference,
    Create,
    Alter,
    Drop,
    Lock,
    Grant,
}

impl Access {
    /// Changes rows.
    #[must_use]
    pub fn writes(self) -> bool {
        matches!(
            self,
            Self::Insert | Self::Update | Self::Delete | Self::Merge | Self::Truncate
        )
    }

    /// Changes the table itself, or who may use it.
    #[must_use]
    pub fn defines(self) -> bool {
        matches!(
            self,
            Self::Create | Self::Alter | Self::Drop | Self::Lock | Self::Grant
        )
    }
}

/// A name as written, unquoted and folded: `server.database.schema.table`, or fewer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectName {
    /// From the outermost to the table; never empty. A part left out (`db..t`) is an empty text.
    pub parts: Vec<String>,
    /// Oracle's `@link`.
    pub link: Option<String>,
}

impl ObjectName {
    /// The last part.
    #[must_use]
    pub fn table(&self) -> &str {
        self.parts.last().map_or("", String::as_str)
    }

    /// What stands before the last part, innermost first, empty parts left out.
    pub fn qualifiers(&self) -> impl Iterator<Item = &str> {
        self.parts
            .iter()
            .rev()
            .skip(1)
            .map(String::as_str)
            .filter(|part| !part.is_empty())
    }

    #[must_use]
    pub fn is_qualified(&self) -> bool {
        self.parts.len() > 1
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.parts.join("."))?;
        match &self.link {
            Some(link) => write!(f, "@{link}"),
            None => Ok(()),
        }
    }
}

/// A definition that other names stand in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    pub kind: ContainerKind,
    pub name: ObjectName,
}

/// What is defined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ContainerKind {
    Table,
    View,
    Routine,
    Trigger,
    Policy,
    /// Indexes, synonyms, rules and the rest.
    Other,
}

/// A place where a table's name belongs and none could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unresolved {
    pub span: Range<usize>,
    pub why: Why,
}

/// Why a name could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Why {
    /// The program puts it in at run time.
    Hole,
    /// The text ends where the name should stand.
    Cut,
}

/// Reads `text`: any number of statements, or a piece of one. Takes time linear in the text, but
/// for bodies in quotes, which are read once more for each level that they are nested in.
#[must_use]
pub fn uses(dialect: Dialect, text: &str) -> Uses {
    let mut found = Uses::default();
    body::read(
        dialect,
        text,
        body::Place {
            base: 0,
            depth: 0,
            container: None,
        },
        &mut found,
    );
    found.tables.sort_by_key(|table| table.span.start);
    found
}

/// The significant tokens of a text.
fn tokens(dialect: Dialect, text: &str) -> Vec<Seen<'_>> {
    Lexer::new(dialect, text)
        .filter(|token| !token.is_trivia())
        .map(|token| Seen::new(token, text))
        .filter(|seen| !seen.is_marker())
        .collect()
}
