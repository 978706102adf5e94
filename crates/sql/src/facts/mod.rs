//! What one statement says about itself: its kind, its tables, and how it may be run.
//!
//! Owns what can be read off the text alone. Does not look into functions, dynamic SQL or
//! anonymous blocks, and asks no server: whoever relies on an answer for safety looks at the
//! database afterwards. Each answer is in a module of its own; `reader` walks the tokens.

mod commit;
mod foreign_key;
mod impact;
mod kind;
pub(crate) mod reader;
mod repeat;
mod routine;
mod table;
#[cfg(test)]
mod tests;

use crate::lexer::Lexer;
use crate::seen::Seen;
use crate::{Dialect, TableName};
pub use impact::{Effect, Impact, impacts};
use reader::Reader;

/// What a statement is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Kind {
    /// Creates, alters or drops something, or empties a table with TRUNCATE.
    Ddl,
    /// Changes rows.
    Dml,
    /// Reads rows, or shows or explains something.
    Query,
    /// BEGIN, COMMIT, ROLLBACK, SAVEPOINT, XA …
    Transaction,
    /// SET, USE, PRAGMA, ATTACH …: changes the session alone.
    Session,
    /// Rights and the identities that hold them: GRANT, REVOKE, CREATE ROLE …
    Grant,
    /// Anything else: CALL, DO, VACUUM, anonymous blocks, what is not SQL.
    #[default]
    Other,
}

/// What a foreign key does to its rows when the row that they point to is deleted or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Action {
    #[default]
    NoAction,
    Restrict,
    Cascade,
    SetNull,
    SetDefault,
}

impl Action {
    /// Rows of the table with the foreign key are deleted or changed.
    #[must_use]
    pub fn rewrites(self) -> bool {
        matches!(self, Self::Cascade | Self::SetNull | Self::SetDefault)
    }
}

/// A foreign key that a statement makes. Without `ON DELETE` and `ON UPDATE` both are `NoAction`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignKey {
    /// The table that has the foreign key.
    pub table: TableName,
    pub columns: Vec<String>,
    /// The table that it points to.
    pub references: TableName,
    pub on_delete: Action,
    pub on_update: Action,
}

impl ForeignKey {
    /// Deleting or changing the row pointed to reaches into this table, whatever rights the
    /// identity has there: an append-only table is none with such a foreign key.
    #[must_use]
    pub fn rewrites_rows(&self) -> bool {
        self.on_delete.rewrites() || self.on_update.rewrites()
    }
}

/// What makes an append-only table void.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hole {
    /// A foreign key of that table which deletes or changes its rows.
    ForeignKey(ForeignKey),
    /// A function that runs with its definer's rights may do what its caller may not.
    DefinerFunction,
}

/// What a statement says about itself. The answers that are `bool` are cautious in the direction
/// that each names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent answers to independent questions"
)]
pub struct Facts {
    pub kind: Kind,
    /// Tables that are there afterwards and were not before; temporary ones are left out.
    pub creates: Vec<TableName>,
    pub drops: Vec<TableName>,
    /// From, to; a move to another schema as well.
    pub renames: Vec<(TableName, TableName)>,
    pub foreign_keys: Vec<ForeignKey>,
    /// Refused, or without effect, inside a transaction (PostgreSQL: `CREATE INDEX CONCURRENTLY`,
    /// `VACUUM`; SQLite: `VACUUM`, `PRAGMA`, …). Always false on MySQL and MariaDB: see
    /// `implicit_commit`.
    pub outside_transaction: bool,
    /// The statement commits the transaction that it is run in (MySQL, MariaDB, Oracle).
    pub implicit_commit: bool,
    /// Known to be harmless to run again after it had completed. False means not known.
    pub repeatable: bool,
    /// Makes a function or procedure that runs with the rights of its definer, which on MySQL,
    /// MariaDB and Oracle is what happens unless the statement says otherwise.
    pub definer_function: bool,
}

impl Facts {
    /// What in this statement would make an append-only table void: foreign keys of `table`
    /// that rewrite its rows, and definer functions.
    #[must_use]
    pub fn append_only_holes(
        &self,
        dialect: Dialect,
        table: &TableName,
        schema: &str,
    ) -> Vec<Hole> {
        let mut holes: Vec<Hole> = self
            .foreign_keys
            .iter()
            .filter(|key| key.rewrites_rows() && key.table.same(table, dialect, schema))
            .map(|key| Hole::ForeignKey(key.clone()))
            .collect();
        if self.definer_function {
            holes.push(Hole::DefinerFunction);
        }
        holes
    }
}

/// Reads `statement`, one statement as [`crate::split()`] gives them. Understands no more than it
/// must, and takes what it does not understand for [`Kind::Other`] without tables.
#[must_use]
pub fn facts(dialect: Dialect, statement: &str) -> Facts {
    let tokens: Vec<Seen> = Lexer::new(dialect, statement)
        .filter(|token| !token.is_trivia())
        .map(|token| Seen::new(token, statement))
        .filter(|seen| !seen.is_marker())
        .collect();
    if dialect != Dialect::Sqlserver || routine::holds_statements(&tokens) {
        return of_one(Reader::new(dialect, &tokens));
    }
    // A batch: its statements follow one another.
    let mut all = Facts {
        repeatable: true,
        ..Facts::default()
    };
    let mut first = true;
    for statement in tokens
        .split(|seen| seen.is_symbol(";"))
        .filter(|tokens| !tokens.is_empty())
    {
        let one = of_one(Reader::new(dialect, statement));
        if std::mem::take(&mut first) || weight(one.kind) > weight(all.kind) {
            all.kind = one.kind;
        }
        all.creates.extend(one.creates);
        all.drops.extend(one.drops);
        all.renames.extend(one.renames);
        all.foreign_keys.extend(one.foreign_keys);
        all.outside_transaction |= one.outside_transaction;
        all.implicit_commit |= one.implicit_commit;
        all.repeatable &= one.repeatable;
        all.definer_function |= one.definer_function;
    }
    all.repeatable &= !first;
    all
}

fn of_one(reader: Reader) -> Facts {
    let mut facts = Facts {
        kind: kind::kind(reader),
        outside_transaction: commit::outside_transaction(reader),
        implicit_commit: commit::implicit_commit(reader),
        repeatable: repeat::repeatable(reader),
        definer_function: routine::runs_as_definer(reader),
        ..Facts::default()
    };
    table::read(reader, &mut facts);
    facts.foreign_keys = foreign_key::read(reader);
    facts
}

/// Of a batch's kinds the one that matters most to whoever runs it.
fn weight(kind: Kind) -> u8 {
    match kind {
        Kind::Query => 0,
        Kind::Session => 1,
        Kind::Other => 2,
        Kind::Transaction => 3,
        Kind::Dml => 4,
        Kind::Grant => 5,
        Kind::Ddl => 6,
    }
}
