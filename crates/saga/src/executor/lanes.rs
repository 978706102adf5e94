//! Lanes: for each participant the requests that wait for it, so many of them under way at a time.
//!
//! A lane goes on by itself while the executor is in a transaction: an answer makes room for the
//! next request at once. What stands in a lane belongs to a commit that is known; whoever leads no
//! more takes it out again. Decides nothing and knows no instance.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::definition::canonical;
use crate::instance::{Prepared, Stored};
use crate::participants::{Answer, Ask, Participants};
use crate::request::{Method, Request, Target};
use crate::saga_id::SagaId;
use crate::transition::Kind;
use crate::wire;

use super::memory::Led;

/// Of an attempt that the definition says nothing of.
pub(super) const TIMEOUT: Duration = Duration::from_secs(10);

/// Names a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Queued {
    pub(super) saga: SagaId,
    pub(super) step: usize,
    pub(super) kind: Kind,
    pub(super) generation: u32,
    pub(super) attempt: u32,
}

/// A request with what it is made of.
pub(super) struct Outgoing {
    pub(super) led: Arc<Led>,
    pub(super) queued: Queued,
    pub(super) prepared: Arc<Prepared>,
    /// None of a status of a step that this store never enabled.
    pub(super) stored: Option<Arc<Stored>>,
    /// The context of what started the saga.
    pub(super) began: Option<String>,
}

/// An answer, or that there was none in time.
pub(super) struct Heard {
    pub(super) led: Arc<Led>,
    pub(super) queued: Queued,
    pub(super) answer: Answer,
}

pub(super) struct Lanes {
    shared: Arc<Shared>,
    delayed: BinaryHeap<Reverse<(Instant, Queued)>>,
}

struct Shared {
    people: Arc<dyn Participants>,
    telling: mpsc::UnboundedSender<Heard>,
    at_once: usize,
    /// How long a request lives from the renewal before it, in milliseconds.
    life_ms: u64,
    inner: Mutex<Inner>,
}

struct Inner {
    by_service: HashMap<String, Lane>,
    /// A leadership that was not renewed by then may be another's: it stays silent.
    silent_from: Instant,
}

#[derive(Default)]
struct Lane {
    queue: VecDeque<Outgoing>,
    running: usize,
}

impl Lanes {
    pub(super) fn new(
        people: Arc<dyn Participants>,
        telling: mpsc::UnboundedSender<Heard>,
        at_once: usize,
        life_ms: u64,
    ) -> Self {
        let inner = Mutex::new(Inner {
            by_service: HashMap::new(),
            silent_from: Instant::now(),
        });
        Self {
            shared: Arc::new(Shared {
                people,
                telling,
                at_once: at_once.max(1),
                life_ms,
                inner,
            }),
            delayed: BinaryHeap::new(),
        }
    }

    /// Behind what waits for the same service. Sent by what runs already, or by [`Lanes::go`].
    pub(super) fn push(&self, outgoing: Outgoing) {
        let mut inner = self.shared.inner();
        let service = outgoing.service();
        if let Some(lane) = inner.by_service.get_mut(service) {
            lane.queue.push_back(outgoing);
        } else {
            let service = service.to_owned();
            let lane = inner.by_service.entry(service).or_default();
            lane.queue.push_back(outgoing);
        }
    }

    /// Sends what may be sent, until `silent_from`.
    pub(super) fn go(&self, silent_from: Instant) {
        let mut starts = Vec::new();
        let mut inner = self.shared.inner();
        inner.silent_from = silent_from;
        if silent_from <= Instant::now() {
            return;
        }
        for (service, lane) in &mut inner.by_service {
            let room = self.shared.at_once.saturating_sub(lane.running);
            let more = room.min(lane.queue.len());
            lane.running += more;
            starts.extend(std::iter::repeat_n(service.clone(), more));
        }
        drop(inner);
        for service in starts {
            tokio::spawn(send(Arc::clone(&self.shared), service));
        }
    }

    pub(super) fn delay(&mut self, queued: Queued, at: Instant) {
        self.delayed.push(Reverse((at, queued)));
    }

    /// The next whose pause is over.
    pub(super) fn due(&mut self) -> Option<Queued> {
        if self.next_delayed()? > Instant::now() {
            return None;
        }
        self.delayed.pop().map(|Reverse((_, queued))| queued)
    }

    pub(super) fn next_delayed(&self) -> Option<Instant> {
        self.delayed.peek().map(|Reverse((at, _))| *at)
    }

    pub(super) fn drop_share(&mut self, share: u8) {
        for lane in self.shared.inner().by_service.values_mut() {
            lane.queue
                .retain(|outgoing| outgoing.queued.saga.share() != share);
        }
        self.delayed
            .retain(|Reverse((_, queued))| queued.saga.share() != share);
    }
}

/// Whoever forgets everything sends nothing more of it.
impl Drop for Lanes {
    fn drop(&mut self) {
        self.shared.inner().by_service.clear();
    }
}

impl Shared {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next to be sent by one who runs; without one it runs no more.
    fn next(&self, service: &str) -> Option<Outgoing> {
        let mut inner = self.inner();
        let speaks = Instant::now() < inner.silent_from;
        let lane = inner.by_service.get_mut(service)?;
        let next = if speaks { lane.queue.pop_front() } else { None };
        if next.is_none() {
            lane.running = lane.running.saturating_sub(1);
        }
        next
    }
}

/// Asks one after the other.
async fn send(shared: Arc<Shared>, service: String) {
    while let Some(outgoing) = shared.next(&service) {
        let renewed = outgoing.led.renewed.load(Ordering::Relaxed);
        let expires = renewed.saturating_add(shared.life_ms);
        let answer = match outgoing.ask(expires) {
            Ok(ask) => {
                let timeout = ask.timeout;
                match tokio::time::timeout(timeout, shared.people.ask(ask)).await {
                    Ok(answer) => answer,
                    Err(_) => Answer::Nothing(format!("no answer within {timeout:?}")),
                }
            }
            Err(why) => Answer::Nothing(why.to_owned()),
        };
        let Outgoing { led, queued, .. } = outgoing;
        let heard = Heard {
            led,
            queued,
            answer,
        };
        if shared.telling.send(heard).is_err() {
            // Nobody listens any more.
            return;
        }
    }
}

impl Outgoing {
    fn step(&self) -> &crate::Step {
        &self.prepared.definition.steps[self.queued.step]
    }

    /// The service that is asked.
    fn service(&self) -> &str {
        let request = asked(self.step(), self.queued.kind);
        request.and_then(Request::service).unwrap_or_default()
    }

    fn ask(&self, expires: u64) -> Result<Ask, &'static str> {
        let (step, queued) = (self.step(), &self.queued);
        let target = asked(step, queued.kind).map(|request| &request.to);
        let Some(Target::Http {
            way,
            service,
            method,
            ..
        }) = target
        else {
            return Err("nested sagas are not started so far");
        };
        let (method, path, body, digest) = match &self.stored {
            Some(stored) => {
                // A status goes where the action went, and carries nothing.
                let body = match queued.kind {
                    Kind::Status => String::new(),
                    _ => canonical(&stored.request.body),
                };
                let path = stored.request.to.clone();
                (*method, path, body, stored.digest.clone())
            }
            // There is no address with its values.
            None => (
                Method::Post,
                wire::BARRIER_PATH.to_owned(),
                String::new(),
                String::new(),
            ),
        };
        let id = queued.saga.to_string();
        Ok(Ask {
            saga: self.prepared.definition.name.clone(),
            way: *way,
            service: service.clone(),
            method,
            path,
            body,
            key: wire::key(&id, &step.name, queued.generation, queued.kind),
            kind: queued.kind,
            expires,
            digest,
            timeout: step.timeout_ms.map_or(TIMEOUT, Duration::from_millis),
            began: self.began.clone(),
        })
    }
}

/// The request of the definition behind a kind; a status is asked of the service that is called.
fn asked(step: &crate::Step, kind: Kind) -> Option<&Request> {
    match kind {
        Kind::Action | Kind::Status => step.call.as_ref(),
        Kind::Undo => step.undo.as_ref(),
        Kind::Resolve | Kind::Cancel => step.resolve.as_ref(),
    }
}
