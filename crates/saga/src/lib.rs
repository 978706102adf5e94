//! Sagas: transactions over several services, as data that is checked before it runs.
//!
//! Pure, without I/O, clock or chance, from a file to what is sent:
//!
//! - [`read()`] makes a [`Definition`] of `sagas/*.yaml`, or faults with lines (from `FH4101`);
//!   [`check_together`] holds several against each other and against the system's services;
//!   [`load()`] does both for a whole system.
//! - [`step()`] is the transition core, [`Instance::advance`] the same with inputs, outputs and
//!   requests; [`encode_instance`] is the row.
//! - [`decide`] is the participants' barrier, [`wire`] what goes over HTTP.
//!
//! With effects, around it:
//!
//! - [`Executor`] runs the sagas of one store, [`keep`] keeps it going; it knows an engine only by
//!   its statements ([`freehold_engine::SagaSql`]).
//! - [`Participants`] are whom it asks; [`http`] asks them.
//! - [`command`] carries the same requests over the broker; [`by_event`] starts and approves what
//!   events say.
//! - [`barred`] is the barrier's transaction on a participant's store.
//! - [`operate`] is what operators see and ask for.
//!
//! Not here yet: nested sagas (definitions and circles are checked), upcasters for older inputs, and
//! driving a restored participant's actions again.
//!
//! What the prescription did not say and the simulator asked for: after a restore of the
//! initiator's store, starts that stand *unclaimed* in it and instances that wait for locks may
//! have run after the backup, so they are doubted like every other; and a signal is for nobody
//! only when no start row of its saga exists, claimed or not.

pub mod barred;
mod barrier;
pub mod by_event;
pub mod command;
mod contract;
mod definition;
mod definition_file;
mod encoding;
mod error;
mod executor;
mod expression;
mod graph;
pub mod http;
mod instance;
pub mod keep;
mod load;
pub mod operate;
mod participants;
mod period;
mod read;
mod read_step;
mod request;
mod saga_id;
mod signal;
mod store;
mod summary;
mod template;
mod together;
mod transition;
pub mod wire;

pub use barrier::{BarrierRules, Decision, Ran, Recorded, decide};
pub use contract::{Field, NoType, Type};
pub use definition::{Definition, OnConflict, OnRefused, Retry, StartBy, Step, StepKind, Then};
pub use encoding::{FORMAT, Unreadable, decode as decode_instance, encode as encode_instance};
pub use error::{Error, Result};
pub use executor::{Alarm, Executor, Settings};
pub use expression::{Expression, Failure, Names, Problem, ProblemKind, Scope, is_name};
pub use graph::{STEP_LIMIT, Steps};
pub use instance::{Dispatch, Instance, Prepared, Stored};
pub use load::load;
pub use participants::{Answer, Ask, Participants, Way};
pub use read::{Loaded, json_schema, read};
pub use request::{Evaluated, Method, PathPart, Request, Target};
pub use saga_id::{SHARES, SagaId};
pub use signal::Signal;
pub use summary::{current_step, parked_words, status_name};
pub use template::Template;
pub use together::check_together;
pub use transition::{
    Action, At, Command, Event, Illegal, Kind, Millis, Outcome, Parked, Phase, Plan, PlanStep,
    Possible, Purpose, Reason, Refusal, Rules, Sound, State, Status, StepState, Told, outstanding,
    step,
};
