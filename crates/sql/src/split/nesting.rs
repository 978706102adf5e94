//! Whether a semicolon ends the statement that is being read: one answer for each dialect.
//!
//! Owns the choice of dialect; the rules are in the modules named after them.

use super::mysql::MysqlBlocks;
use super::oracle::PlsqlBlock;
use super::postgres::PostgresNesting;
use super::sqlite::TriggerBody;
use crate::seen::Seen;
use crate::{Dialect, SplitTrouble};

pub(super) enum Nesting {
    Postgres(PostgresNesting),
    Mysql(MysqlBlocks),
    Sqlite(TriggerBody),
    /// A batch ends at `GO` alone.
    Batch,
    Oracle(PlsqlBlock),
}

impl Nesting {
    pub(super) fn new(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Postgres => Self::Postgres(PostgresNesting::default()),
            Dialect::Mysql => Self::Mysql(MysqlBlocks::new(false)),
            Dialect::Mariadb => Self::Mysql(MysqlBlocks::new(true)),
            Dialect::Sqlite => Self::Sqlite(TriggerBody::default()),
            Dialect::Sqlserver => Self::Batch,
            Dialect::Oracle => Self::Oracle(PlsqlBlock::default()),
        }
    }

    /// The next token of the statement; `next` looks at the one after it.
    pub(super) fn token<'a>(
        &mut self,
        seen: Seen<'a>,
        next: impl FnOnce() -> Option<Seen<'a>>,
    ) -> Result<(), SplitTrouble> {
        if seen.is_marker() {
            return Ok(());
        }
        match self {
            Self::Postgres(nesting) => return nesting.token(seen, next),
            Self::Mysql(blocks) => blocks.token(seen, next),
            Self::Sqlite(body) => body.token(seen),
            Self::Oracle(block) => block.token(seen),
            Self::Batch => {}
        }
        Ok(())
    }

    pub(super) fn ends_at_semicolon(&self) -> bool {
        match self {
            Self::Postgres(nesting) => nesting.ends_at_semicolon(),
            Self::Mysql(blocks) => blocks.ends_at_semicolon(),
            Self::Sqlite(body) => body.ends_at_semicolon(),
            Self::Oracle(block) => block.ends_at_semicolon(),
            Self::Batch => false,
        }
    }

    /// A statement that holds statements: with a delimiter of its own it ends at that alone.
    pub(super) fn is_routine(&self) -> bool {
        matches!(self, Self::Mysql(blocks) if blocks.is_routine())
    }

    /// Where something was opened that the text never closes, and what.
    pub(super) fn unclosed(&self) -> Option<(usize, &'static str)> {
        match self {
            Self::Postgres(nesting) => nesting.unclosed(),
            Self::Mysql(blocks) => blocks.unclosed(),
            Self::Sqlite(body) => body.unclosed(),
            Self::Oracle(_) | Self::Batch => None,
        }
    }
}
