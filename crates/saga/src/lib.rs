//! Sagas: transactions over several services, as data that is checked before it runs.
//!
//! Pure: no I/O, no clock, no chance. What there is, from a file to what is sent:
//!
//! - [`read()`] makes a [`Definition`] of `sagas/*.yaml`, or faults with lines (from `FH4101`);
//!   [`check_together`] holds several against each other and against the system's services;
//!   [`load()`] does both for a whole system.
//! - [`step()`] is the transition core, [`Instance::advance`] the same with inputs, outputs and
//!   requests; [`encode_instance`] is the row.
//! - [`decide`] is the participants' barrier, [`wire`] what goes over HTTP.
//!
//! Not here yet, in the order in which it should come:
//!
//! 1. Storage of the executor, SQLite first: `freehold_saga_definition`, `_start` (unique by
//!    definition and business key; a partial index on the unclaimed; lock keys), `_instance` (id,
//!    share, version, bytes; nothing indexed that changes), `_signal`, `_lock`, `_leadership` (64
//!    shares, epoch, format, rebuilt incarnation). Batches as in the simulator's `executor.rs`:
//!    fence, inserts, updates by `version = previous`, signals, locks, commit. After an
//!    unknown commit nothing is sent for its rows until they were read again: a saga that has ended
//!    must not get requests that outlive its pruning.
//!    What is under way for a lost leadership (queued sends, results of commits) never reaches the
//!    next one of the same process.
//! 2. The barrier's SQL for each engine around [`decide`], its table made by `apply`, a test on
//!    each server; `forget`; the incarnation. The participant looks at `expires` when a request
//!    comes and again before its commit: an action that runs longer than it lives must roll back.
//! 3. An HTTP client for participants, admission for each, attempts and their time-outs.
//! 4. Starts by event and API, upcasters for older inputs, `check-deploy`, operators' commands.
//! 5. Nested sagas: definitions and circles are checked; a child is not run yet.
//!
//! What the prescription did not say and the simulator asked for: after a restore of the
//! initiator's store, starts that stand *unclaimed* in it and instances that wait for locks may
//! have run after the backup, so they are doubted like every other; and a signal is for nobody
//! only when no start row of its saga exists, claimed or not.

mod barrier;
mod contract;
mod definition;
mod definition_file;
mod encoding;
mod expression;
mod graph;
mod instance;
mod load;
mod period;
mod read;
mod read_step;
mod request;
mod template;
mod together;
mod transition;
pub mod wire;

pub use barrier::{BarrierRules, Decision, Ran, Recorded, decide};
pub use contract::{Field, NoType, Type};
pub use definition::{Definition, OnConflict, OnRefused, Retry, StartBy, Step, StepKind, Then};
pub use encoding::{FORMAT, Unreadable, decode as decode_instance, encode as encode_instance};
pub use expression::{Expression, Failure, Names, Problem, ProblemKind, Scope, is_name};
pub use graph::{STEP_LIMIT, Steps};
pub use instance::{Dispatch, Instance, Prepared, Stored};
pub use load::load;
pub use read::{Loaded, json_schema, read};
pub use request::{Evaluated, Method, PathPart, Request, Target};
pub use template::Template;
pub use together::check_together;
pub use transition::{
    Action, At, Command, Event, Illegal, Kind, Millis, Outcome, Parked, Phase, Plan, PlanStep,
    Possible, Purpose, Reason, Refusal, Rules, Sound, State, Status, StepState, Told, outstanding,
    step,
};
