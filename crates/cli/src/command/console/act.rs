//! What an operator asks for on a page, done as the commands do it: a signal to a saga, a retry of
//! parked events. It stands in the store's own audit trail; a request that was seen is answered again.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use freehold_console::{Acted, Action};
use freehold_credentials::resolve;
use freehold_engine::Secret;
use freehold_events::operate::{retry, skip};
use freehold_lifecycle::Target;
use freehold_model::{Fault, SecretRef, System};
use freehold_saga::operate::{self, Asked};
use tokio::sync::Mutex;

use super::copies::letter;
use crate::command::events::{enter, failed};
use crate::command::saga::{Store, fault};
use crate::sidecar::subscribed;

/// Who it was, in the audit trail.
const WHO: &str = "operator (console)";
/// How long a sidecar's answer is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// So many answers are remembered.
const REMEMBERED: usize = 1000;

type Answer = Result<Acted, Fault>;

/// Does what is asked for, one after the other.
pub(in crate::command) struct Operator {
    system: System,
    targets: Arc<[Target]>,
    done: Mutex<VecDeque<(String, Action, Answer)>>,
}

impl Operator {
    pub(in crate::command) fn new(system: &System, targets: &Arc<[Target]>) -> Arc<Self> {
        Arc::new(Self {
            system: system.clone(),
            targets: Arc::clone(targets),
            done: Mutex::default(),
        })
    }

    /// On a thread of its own: what it holds meanwhile other threads must not see.
    pub(in crate::command) fn act(
        self: &Arc<Self>,
        action: Action,
        key: String,
    ) -> impl Future<Output = Answer> + Send + use<> {
        let own = Arc::clone(self);
        async move {
            let runtime = tokio::runtime::Handle::current();
            let acting = move || runtime.block_on(own.once(action, key));
            let acted = tokio::task::spawn_blocking(acting).await;
            acted.unwrap_or_else(|_| {
                Err(Fault::new(
                    "FH4007",
                    "it broke off; look before you ask again",
                ))
            })
        }
    }

    async fn once(&self, action: Action, key: String) -> Answer {
        let mut done = self.done.lock().await;
        if let Some((_, before, answer)) = done.iter().find(|own| own.0 == key) {
            if *before == action {
                return answer.clone();
            }
            return Err(
                Fault::new("FH4004", "this idempotency-key was another action's")
                    .help("take a new key for a new action"),
            );
        }
        let answer = self.perform(&action).await;
        let answer = answer.map_err(|faults| {
            let first = faults.into_iter().next();
            first.unwrap_or_else(|| Fault::new("FH4007", "it could not be done"))
        });
        if done.len() == REMEMBERED {
            done.pop_front();
        }
        done.push_back((key, action, answer.clone()));
        answer
    }

    async fn perform(&self, action: &Action) -> Result<Acted, Vec<Fault>> {
        match action {
            Action::RetrySaga { id } => self.saga(id, "retry").await,
            Action::CompensateSaga { id } => self.saga(id, "compensate").await,
            Action::RetryDead { id } => self.letter(id, true).await,
            Action::SkipDead { id } => self.letter(id, false).await,
        }
    }

    async fn saga(&self, id: &str, what: &str) -> Result<Acted, Vec<Fault>> {
        for target in self.targets.iter().filter(|it| it.want.plane.sagas.starts) {
            let mut store = Store::of(target).await?;
            let (connection, sql) = store.both();
            let Some(seen) = operate::show(connection, sql, id).await.map_err(fault)? else {
                continue;
            };
            let Some(Ok(instance)) = &seen.instance else {
                continue;
            };
            let kept = operate::definitions(connection, sql).await.map_err(fault)?;
            let steps = kept.get(&seen.hash).map(|own| own.steps.as_slice());
            let at = instance
                .state
                .steps
                .iter()
                .position(|own| own.parked.is_some());
            let step = at.and_then(|at| Some(steps?.get(at)?.name.clone()));
            let asked = Asked {
                saga: seen.id.clone(),
                what: what.to_owned(),
                step: step.filter(|_| what == "retry"),
                seen: None,
                payload: None,
                who: WHO.to_owned(),
            };
            let noted = operate::ask_now(connection, sql, &asked, PATIENCE)
                .await
                .map_err(fault)?;
            return match noted {
                Some(noted) if noted.outcome == "done" => Ok(Acted {
                    said: format!("{WHO} asked for {what}: done"),
                }),
                Some(noted) => Err(vec![Fault::new(
                    "FH4007",
                    format!("{what} of {} was refused: {}", seen.key, noted.outcome),
                )]),
                None => Err(vec![
                    Fault::new(
                        "FH4135",
                        format!(
                            "{what} of {} is kept, and nobody has taken it yet",
                            seen.key
                        ),
                    )
                    .help("see that the sidecar runs: freehold run"),
                ]),
            };
        }
        Err(vec![Fault::new(
            "FH4133",
            format!("there is no saga `{id}`"),
        )])
    }

    async fn letter(&self, id: &str, again: bool) -> Result<Acted, Vec<Fault>> {
        let unknown = || vec![Fault::new("FH3912", format!("nothing is parked as `{id}`"))];
        let (service, source, key) = letter(id).ok_or_else(unknown)?;
        let keeps = |it: &&Target| it.want.service == service && !it.want.plane.copies.is_empty();
        let target = self.targets.iter().find(keeps).ok_or_else(unknown)?;
        let copies = subscribed(&self.system.services[service])?;
        let mut ground = enter(target).await?;
        let tried = if again {
            Some(retry(&mut ground, &copies, (source, key), WHO).await)
        } else {
            skip(&mut ground, &copies, (source, key), WHO)
                .await
                .transpose()
        };
        let tried = tried.ok_or_else(unknown)?.map_err(failed)?;
        match tried.refused {
            Some(why) => Err(vec![
                Fault::new("FH3913", format!("key {key} is still parked: {why}"))
                    .help("mend what refuses it, or `freehold events edit`, or skip it"),
            ]),
            None if tried.applied == 0 && again => Err(unknown()),
            None => Ok(Acted {
                said: format!(
                    "{WHO}: {} of key {key} applied, nothing of it is parked",
                    tried.applied
                ),
            }),
        }
    }
}

/// The operator's token: a new one, or the one that a reference names.
pub(in crate::command) fn token(wanted: &str, root: &std::path::Path) -> Result<Secret, Fault> {
    // `--token` without a reference.
    if wanted == "new" {
        return Ok(Secret::generate());
    }
    let named = wanted
        .strip_prefix("env:")
        .map(|own| SecretRef::Env(own.to_owned()));
    let named = named.or_else(|| {
        wanted
            .strip_prefix("file:")
            .map(|own| SecretRef::File(own.into()))
    });
    let Some(reference) = named else {
        return Err(Fault::new(
            "FH4008",
            "an operator's token is not given on the command line",
        )
        .help("`--token` alone makes one; `--token env:NAME` or `--token file:PATH` takes yours"));
    };
    let secret = resolve(&reference, root, "the operator's token")?;
    let text = secret.expose().trim();
    let plain = text
        .bytes()
        .all(|own| own.is_ascii_alphanumeric() || b"-_".contains(&own));
    if text.len() < 22 || !plain {
        return Err(Fault::new(
            "FH4008",
            "the operator's token has to have 22 letters, digits, `-` or `_` at least",
        )
        .help("`--token` alone makes one"));
    }
    Ok(Secret::new(text))
}
