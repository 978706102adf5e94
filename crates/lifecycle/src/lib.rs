//! The schema lifecycle, the same for every engine: plan, apply, seed, rollback, destroy, status.
//!
//! Pure parts: [`script`] (files → statements, checked), [`history`] (files × ledger → what is
//! pending). Effects: `reach` (connections and lock), `migrate`, and one file per command.
//! What a store should be is decided by the description, what has to change by the engine's diff;
//! here is only the order. Nothing here names a concrete engine.

mod adopt;
mod apply;
mod artefact;
mod batches;
mod caution;
mod destroy;
mod each;
mod eject;
mod foreign_tool;
pub mod history;
mod history_of;
mod lock_wait;
mod migrate;
mod phase;
mod plan;
mod plane;
mod reach;
mod rollback;
mod rows;
mod scratch;
pub mod script;
mod seed;
mod status;
mod steps;
mod target;
mod verify_rollback;

pub use adopt::{AdoptPlan, AdoptedFile, adopt, plan_adoption, plan_return};
pub use apply::{Applied, TableRows, apply, apply_plan};
pub use artefact::{PlanFile, PlannedMigration, PlannedStore, parse_plan, plan_file};
pub use caution::Caution;
pub use destroy::{Destroyed, destroy};
pub use eject::{Ejected, Knowledge, eject, plan_ejection};
pub use foreign_tool::ToolRun;
pub use history::Contract;
pub use history_of::{Origin, Took, Tool};
pub use lock_wait::LockWait;
pub use plan::{BatchNote, MigrationNote, StorePlan, plan};
pub use plane::check_read_models;
pub use rollback::{RolledBack, rollback};
pub use seed::{SeedWhich, Seeded, seed, unseed};
pub use status::{StoreStatus, status};
pub use target::{ForeignTool, Target, check_targets, target};
pub use verify_rollback::{Verified, verify_rollback};

/// What a command that stopped reports: everything that is wrong at once.
pub type Faults = Vec<freehold_model::Fault>;

/// Shorthand for results of this crate.
pub type Result<T> = std::result::Result<T, Faults>;

/// One fault from an engine's error, with the store named.
pub(crate) fn engine_fault(label: &str, error: &freehold_engine::Error) -> Faults {
    let mut fault = error.fault();
    fault.message = format!("{label}: {}", fault.message);
    vec![fault]
}
