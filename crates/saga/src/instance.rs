//! An instance with everything that it carries, and one transition of it as a whole: the core's
//! decision, the outputs that replies bring, the requests that enabling makes.
//!
//! Pure. A request is evaluated once, in the transition that first sends it, and stored: a retry
//! sends the same bytes, whatever has become known since.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::definition::{Definition, Step, canonical, hash};
use crate::request::{Evaluated, Request};
use crate::transition::{Command, Event, Illegal, Kind, Millis, Outcome, Plan, Rules, State, step};

/// One saga under way.
#[derive(Debug, Clone, PartialEq)]
pub struct Instance {
    /// A random UUID: what participants' barriers know it by.
    pub id: String,
    /// The business key that it was started with.
    pub key: String,
    pub input: Arc<Value>,
    pub state: State,
    /// Of steps that are done, approvals included.
    pub outputs: BTreeMap<u32, Value>,
    /// Shared with what is being sent: a transition copies the instance, not what it carries.
    pub requests: BTreeMap<(u32, Kind), Arc<Stored>>,
    /// Bodies that an operator gave, by step: instead of the definition's from then on.
    pub edits: BTreeMap<u32, Value>,
    /// What went wrong last at each step, for operators.
    pub errors: BTreeMap<u32, String>,
    /// Replies that came after their step had been left; the last is kept.
    pub late: u32,
    pub last_late: Option<(u32, Outcome)>,
}

/// A request as it is sent, however often.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    pub generation: u32,
    pub request: Evaluated,
    /// SHA-256 of the body: a duplicate with another one is reported by the participant.
    pub digest: String,
}

/// What is to be done once the instance is committed.
#[derive(Debug, Clone, PartialEq)]
pub struct Dispatch {
    pub command: Command,
    /// Of a send; none for [`Kind::Status`], which is asked of the barrier alone.
    pub request: Option<Arc<Stored>>,
}

/// A definition with what is derived from it once.
#[derive(Debug, Clone, PartialEq)]
pub struct Prepared {
    pub definition: Definition,
    pub plan: Plan,
}

impl Prepared {
    pub fn new(definition: Definition) -> Self {
        Self {
            plan: Plan::new(&definition),
            definition,
        }
    }
}

impl Instance {
    /// Not claimed yet. An input that does not fit the definition is not refused here: the
    /// business transaction has committed, so it is parked where an operator can edit it.
    pub fn new(prepared: &Prepared, id: String, key: String, input: Value) -> Self {
        Self {
            id,
            key,
            input: input.into(),
            state: State::new(&prepared.plan),
            outputs: BTreeMap::new(),
            requests: BTreeMap::new(),
            edits: BTreeMap::new(),
            errors: BTreeMap::new(),
            late: 0,
            last_late: None,
        }
    }

    /// One transition. `payload` is what the reply, the approval or the operator's edit brings.
    pub fn advance<R: Rules>(
        &self,
        prepared: &Prepared,
        now: Millis,
        taken: &Event,
        payload: Option<Value>,
    ) -> Result<(Self, Vec<Dispatch>), Illegal> {
        let mut next = self.clone();
        let event = next.hold_to_contract(prepared, taken, payload.as_ref());
        let (state, mut commands) = step::<R>(&prepared.plan, &self.state, now, &event)?;
        next.state = state;
        // A payload that was no reply is not kept; why it was none is.
        next.keep(prepared, &event, payload.filter(|_| event == *taken));
        let mut dispatches = Vec::new();
        // What cannot be written parks its step, which can take commands back.
        while let Some((step, why)) = next.write_requests(prepared, &commands) {
            next.errors.insert(number(step), why);
            let unwritable = Event::Unwritable { step };
            let Ok((state, more)) =
                crate::transition::step::<R>(&prepared.plan, &next.state, now, &unwritable)
            else {
                break;
            };
            next.state = state;
            next.state.version = self.state.version + 1;
            commands.retain(|command| !is_send_of(command, step));
            commands.extend(more);
        }
        for command in commands {
            let request = match command {
                Command::Send { step, kind, .. } => {
                    next.requests.get(&(number(step), kind)).cloned()
                }
                _ => None,
            };
            dispatches.push(Dispatch { command, request });
        }
        Ok((next, dispatches))
    }

    /// A reply whose payload is not what the definition says is no reply.
    fn hold_to_contract(
        &mut self,
        prepared: &Prepared,
        event: &Event,
        payload: Option<&Value>,
    ) -> Event {
        let Event::Reply {
            step,
            generation,
            kind,
            outcome: Outcome::Done,
        } = *event
        else {
            return *event;
        };
        let (Some(it), Some(state)) = (
            prepared.definition.steps.get(step),
            self.state.steps.get(step),
        ) else {
            return *event;
        };
        let empty = json!({});
        let Some(mismatch) = it.output.mismatch(payload.unwrap_or(&empty)) else {
            return *event;
        };
        self.errors
            .insert(number(step), format!("the reply: {mismatch}"));
        Event::Unanswered {
            step,
            generation,
            kind,
            attempt: state.attempt,
            chance: 0,
        }
    }

    fn keep(&mut self, prepared: &Prepared, event: &Event, payload: Option<Value>) {
        let (Some(payload), Some(step)) = (payload, event.step()) else {
            return;
        };
        let step = number(step);
        match event {
            Event::Reply {
                outcome: Outcome::Done,
                ..
            }
            | Event::Approve { .. }
            | Event::Told { .. } => {
                self.outputs.insert(step, payload);
                self.errors.remove(&step);
            }
            // Of an input that does not fit nothing was ever sent: what an operator gives is the input.
            Event::Operate { .. } if prepared.definition.input.mismatch(&self.input).is_some() => {
                self.input = payload.into();
                self.errors.remove(&step);
            }
            Event::Operate { .. } => {
                self.edits.insert(step, payload);
            }
            // An undo's reply carries nothing: why it came to that stays.
            Event::Reply { .. } | Event::Unanswered { .. } if !payload.is_null() => {
                self.errors.insert(step, payload.to_string());
            }
            _ => {}
        }
    }

    /// A reply that the core called late.
    pub fn count_late(&mut self, step: usize, outcome: Outcome) {
        self.late = self.late.saturating_add(1);
        self.last_late = Some((number(step), outcome));
    }

    /// Makes what is sent for the first time; or the step whose request cannot be made, and why.
    fn write_requests(
        &mut self,
        prepared: &Prepared,
        commands: &[Command],
    ) -> Option<(usize, String)> {
        for command in commands {
            let Command::Send {
                step,
                kind,
                generation,
                ..
            } = *command
            else {
                continue;
            };
            let key = (number(step), kind);
            let known = self.requests.get(&key);
            let fresh = kind == Kind::Action && known.is_some_and(|it| it.generation != generation);
            if kind == Kind::Status || known.is_some() && !fresh {
                continue;
            }
            let it = &prepared.definition.steps[step];
            match self.write(prepared, it, kind) {
                Ok(mut request) => {
                    if let (Kind::Action, Some(body)) = (kind, self.edits.get(&key.0)) {
                        request.body = body.clone();
                    }
                    let stored = Stored {
                        generation,
                        digest: hash(&canonical(&request.body)),
                        request,
                    };
                    self.requests.insert(key, stored.into());
                }
                Err(why) => return Some((step, why)),
            }
        }
        None
    }

    fn write(&self, prepared: &Prepared, it: &Step, kind: Kind) -> Result<Evaluated, String> {
        if let Some(mismatch) = prepared.definition.input.mismatch(&self.input) {
            return Err(format!("the input: {mismatch}"));
        }
        let request = request_of(it, kind).ok_or("the step declares no such request")?;
        let saga = json!({ "id": self.id, "key": self.key, "name": prepared.definition.name });
        let mut names: Vec<(&str, &Value)> = vec![("input", &*self.input), ("saga", &saga)];
        for ancestor in it.ancestors.iter() {
            if let Some(output) = self.outputs.get(&number(ancestor)) {
                names.push((prepared.definition.steps[ancestor].name.as_str(), output));
            }
        }
        let failed = |(source, failure)| format!("`{source}` {failure}");
        request.evaluate(&names).map_err(failed)
    }
}

fn request_of(step: &Step, kind: Kind) -> Option<&Request> {
    match kind {
        Kind::Action => step.call.as_ref(),
        Kind::Undo => step.undo.as_ref(),
        Kind::Resolve | Kind::Cancel => step.resolve.as_ref(),
        Kind::Status => None,
    }
}

fn is_send_of(command: &Command, of: usize) -> bool {
    matches!(command, Command::Send { step, .. } if *step == of)
}

/// Steps are few ([`crate::STEP_LIMIT`]).
fn number(step: usize) -> u32 {
    u32::try_from(step).unwrap_or(u32::MAX)
}
