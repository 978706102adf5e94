//! Sagas: transactions over several services, as data that is checked before it runs.
//!
//! Pure so far: no I/O, no clock.

mod barrier;
mod contract;
mod definition;
mod definition_file;
mod expression;
mod graph;
mod period;
mod read;
mod read_step;
mod request;
mod template;
mod together;
mod transition;

pub use barrier::{BarrierRules, Decision, Ran, Recorded, decide};
pub use contract::{Field, NoType, Type};
pub use definition::{Definition, OnConflict, OnRefused, Retry, StartBy, Step, StepKind, Then};
pub use expression::{Expression, Failure, Names, Problem, ProblemKind, Scope, is_name};
pub use graph::{STEP_LIMIT, Steps};
pub use read::{Loaded, json_schema, read};
pub use request::{Evaluated, Method, PathPart, Request, Target};
pub use template::Template;
pub use together::check_together;
pub use transition::{
    Action, At, Command, Event, Illegal, Kind, Millis, Outcome, Parked, Phase, Plan, PlanStep,
    Possible, Purpose, Reason, Refusal, Rules, Sound, State, Status, StepState, Told, outstanding,
    step,
};
