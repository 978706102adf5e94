//! `sagas/*.yaml` as it is written: the serde types behind its JSON Schema.
//!
//! Doc comments here are what an editor shows.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// A transaction over several services.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SagaFile {
    /// The saga's name: lower-case letters, digits and `_`.
    pub(crate) saga: String,
    /// The version of its input; 1 by default.
    pub(crate) version: Option<u32>,
    /// What a start brings along: a map of names to types. Types are text, int, double, bool and
    /// any, `[type]` for a list, a map for a map; a name that ends in `?` may be missing.
    #[serde(default)]
    pub(crate) input: Value,
    /// How long it may take until the pivot; afterwards it is undone. `30s`, `10m`, `2h`, `7d`.
    pub(crate) timeout: Option<String>,
    /// What no second saga of this store may work on at the same time.
    pub(crate) locks: Option<LocksFile>,
    /// An event that starts it, beside rows of `freehold_saga_start`.
    pub(crate) start: Option<StartFile>,
    /// Its steps. Each waits for the one before it, unless `after` says otherwise.
    pub(crate) steps: Vec<StepFile>,
}

/// Semantic locks.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LocksFile {
    /// Expressions that give texts, for starts by event or API. A row of `freehold_saga_start`
    /// brings its own keys.
    #[serde(default)]
    pub(crate) keys: Vec<String>,
    /// What a start does that finds one taken; `refuse` by default.
    pub(crate) on_conflict: Option<OnConflictFile>,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OnConflictFile {
    Refuse,
    Wait,
}

/// An event that starts the saga.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StartFile {
    /// Name and version: `order.placed.v1`.
    pub(crate) event: String,
    /// The business key, an expression over `event`.
    pub(crate) key: String,
    /// The input: a map whose texts are expressions over `event`.
    pub(crate) input: Value,
}

/// A step.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StepFile {
    /// The step's name: lower-case letters, digits and `_`.
    pub(crate) step: String,
    /// `compensatable` by default.
    pub(crate) kind: Option<StepKindFile>,
    /// The steps that it waits for; the one before it by default, `[]` for none.
    pub(crate) after: Option<Vec<String>>,
    /// What it does.
    pub(crate) call: Option<RequestFile>,
    /// What takes it back.
    pub(crate) undo: Option<RequestFile>,
    /// What tells whether it was done, and cancels it where asked to.
    pub(crate) resolve: Option<RequestFile>,
    /// The event that approves an approval; without one, a human does.
    pub(crate) approved_by: Option<String>,
    /// What its reply carries, as in `input`.
    #[serde(default)]
    pub(crate) output: Value,
    /// How often, and how far apart.
    pub(crate) retry: Option<RetryFile>,
    /// Of one attempt, 10s by default; of an approval, until it counts as rejected.
    pub(crate) timeout: Option<String>,
    /// What a refusal leads to.
    pub(crate) on_refused: Option<OnRefusedFile>,
    /// How long the participant recognises a request that comes again, where it has no barrier.
    pub(crate) keys_kept: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum StepKindFile {
    Compensatable,
    Pivot,
    Retriable,
    Approval,
}

/// `POST ${service}/path/{expression}`, or with a body, or a command over the broker, or a saga.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum RequestFile {
    /// An HTTP request without a body.
    Http(String),
    /// Anything else.
    Full(FullRequestFile),
}

/// What is asked of a participant: one of `http`, `command` and `saga`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FullRequestFile {
    /// `POST ${service}/path/{expression}`.
    pub(crate) http: Option<String>,
    /// The same as a command over the broker, which keeps it while the service is away:
    /// `POST ${service}/path/{expression}`.
    pub(crate) command: Option<String>,
    /// A saga of this service that runs inside this one.
    pub(crate) saga: Option<String>,
    /// A map whose texts are expressions. A constant text has quotes of its own: `"'EUR'"`.
    #[serde(default)]
    pub(crate) body: Value,
}

/// Attempts and the pauses between them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RetryFile {
    /// In all; 5 by default.
    pub(crate) attempts: Option<u32>,
    /// The first pause; 200ms by default.
    pub(crate) first: Option<String>,
    /// How much longer each pause is; 2 by default.
    pub(crate) factor: Option<f64>,
    /// The longest pause; 30s by default.
    pub(crate) max: Option<String>,
    /// The part of a pause that is left to chance, from 0 to 1; 0.2 by default.
    pub(crate) jitter: Option<f64>,
}

/// What a refusal leads to.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OnRefusedFile {
    /// How long an operator may look at it first.
    pub(crate) park: Option<String>,
    /// What then: `compensate` before the pivot, `wait` after it, by default.
    pub(crate) then: Option<ThenFile>,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ThenFile {
    Compensate,
    Retry,
    Wait,
}
