//! The contract between freehold and a kind of database.
//!
//! No implementation lives here: an engine is a crate below `crates/engines/`, with the same file
//! names in each. Two things are kept apart: what the *code* can do ([`EngineInfo`], static; the
//! support matrix is derived from it) and what a *connected server* can do ([`Probe`]).
//! Decisions are pure ([`Engine::diff`]), effects go through [`Connection`].

#![warn(missing_docs)]

mod adopt;
pub mod audit;
mod connection;
mod contract;
mod endpoint;
mod error;
mod grant;
mod ledger;
mod live;
mod plane;
mod probe;
mod reached;
mod read_model;
mod saga;
mod secret;
mod step;
mod value;
mod want;

pub use adopt::{Adoption, Dump, Ejection};
pub use connection::{BoxFuture, Commit, Connection, Peer, TxMode};
pub use contract::{Ddl, Diff, Drop, Enforcement, Engine, EngineInfo, Migrator, Run};
pub use endpoint::{Address, Endpoint, Tls};
pub use error::{Error, ErrorKind, Result, Retry};
pub use freehold_readmodel::{Plan as ReadModelPlan, READ_MODEL_PAGE, ReadModelSql};
pub use grant::{Difference, Grant, Object, difference};
pub use ledger::{LEDGER_FORMAT, LedgerSql};
pub use live::{ForeignKey, Live, Mark, Role, Routine, Table};
pub use plane::{Alarm, CopyWant, EventSql, OutboxRow, Plane, Polled, adopted_faults};
pub use probe::{Flavour, Probe};
pub use reached::{KEPT, Reached};
pub use read_model::WorkSql;
pub use saga::{BarrierSql, SagaSql, SagaWant};
pub use secret::{Secret, Verifier, Verifiers, hex};
pub use step::{At, Change, Piece, Sql, Step, Subject};
pub use value::{Rows, Value};
pub use want::{AccessWant, Keep, Spot, Want};
