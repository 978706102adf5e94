//! The one list of engines, and the support matrix made from it.
//!
//! Only this crate names concrete engines; to add one is a line in [`engines`]. It decides nothing.

mod matrix;

use freehold_engine::Engine;
use freehold_model::EngineKind;
use freehold_mysql::Mysql;
use freehold_postgres::Postgres;
use freehold_sqlite::Sqlite;

pub use matrix::{SupportRow, support_matrix};

/// Every engine, in the order in which they are shown.
pub fn engines() -> &'static [&'static dyn Engine] {
    &[&Postgres, &Mysql, &Sqlite]
}

/// The engine that serves this kind; `None`: not there yet.
pub fn engine(kind: EngineKind) -> Option<&'static dyn Engine> {
    engines()
        .iter()
        .copied()
        .find(|engine| engine.info().kinds.contains(&kind))
}
