//! Sending: a lane for each participant with so many requests at once, pauses before attempts, and
//! what is made of the answers.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::definition::canonical;
use crate::encoding;
use crate::instance::Instance;
use crate::participants::{Answer, Ask, Way};
use crate::request::{Method, Request, Target};
use crate::saga_id::SagaId;
use crate::store::Row;
use crate::transition::{Command, Event, Kind};
use crate::wire::{self, Said};

use super::{Executor, Led};

/// Of an attempt that the definition says nothing of.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A request that waits for its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Queued {
    saga: SagaId,
    step: usize,
    kind: Kind,
    generation: u32,
    attempt: u32,
}

/// An answer, or that there was none in time.
#[derive(Debug)]
pub(super) struct Heard {
    led: Arc<Led>,
    lane: String,
    queued: Queued,
    answer: Answer,
}

#[derive(Debug, Default)]
struct Lane {
    queue: VecDeque<Queued>,
    running: usize,
}

#[derive(Debug)]
pub(super) struct Lanes {
    at_once: usize,
    telling: mpsc::UnboundedSender<Heard>,
    by_service: BTreeMap<String, Lane>,
    delayed: BinaryHeap<Reverse<(Instant, Queued)>>,
}

impl Lanes {
    pub(super) fn new(at_once: usize, telling: mpsc::UnboundedSender<Heard>) -> Self {
        Self {
            at_once: at_once.max(1),
            telling,
            by_service: BTreeMap::new(),
            delayed: BinaryHeap::new(),
        }
    }

    pub(super) fn next_delayed(&self) -> Option<Instant> {
        self.delayed.peek().map(|Reverse((at, _))| *at)
    }

    pub(super) fn drop_share(&mut self, share: u8) {
        for lane in self.by_service.values_mut() {
            lane.queue.retain(|queued| queued.saga.share() != share);
        }
        self.delayed
            .retain(|Reverse((_, queued))| queued.saga.share() != share);
    }
}

impl Executor {
    /// Queues what a committed transition sends.
    pub(super) fn dispatch_commands(&mut self, saga: SagaId, commands: Vec<Command>) {
        for command in commands {
            let Command::Send {
                step,
                kind,
                generation,
                attempt,
                delay,
            } = command
            else {
                continue;
            };
            let queued = Queued {
                saga,
                step,
                kind,
                generation,
                attempt,
            };
            if let Some(held) = self.held.get_mut(&saga) {
                held.under_way += 1;
            }
            if delay == 0 {
                self.queue(queued);
            } else {
                let at = Instant::now() + Duration::from_millis(delay);
                self.lanes.delayed.push(Reverse((at, queued)));
            }
        }
    }

    fn queue(&mut self, queued: Queued) {
        let lane = self.lane_of(&queued);
        self.lanes
            .by_service
            .entry(lane)
            .or_default()
            .queue
            .push_back(queued);
    }

    /// The service that is asked.
    fn lane_of(&self, queued: &Queued) -> String {
        let held = self.held.get(&queued.saga);
        let step = held.map(|held| &held.prepared.definition.steps[queued.step]);
        let request = step.and_then(|step| asked(step, queued.kind));
        match request.map(|request| &request.to) {
            Some(Target::Http { service, .. }) => service.clone(),
            _ => String::new(),
        }
    }

    /// Sends what may be sent now.
    pub(super) fn send_ready(&mut self) {
        let now = Instant::now();
        while let Some(Reverse((at, queued))) = self.lanes.delayed.peek().copied() {
            if at > now {
                break;
            }
            self.lanes.delayed.pop();
            self.queue(queued);
        }
        // A leadership that was not renewed in time may be another's by now: it stays silent.
        if self.clock.at.elapsed() >= self.settings.term {
            return;
        }
        let names: Vec<String> = self.lanes.by_service.keys().cloned().collect();
        for name in names {
            while let Some(queued) = self.lanes.next(&name) {
                self.send(&name, queued);
            }
        }
    }

    fn send(&mut self, lane: &str, queued: Queued) {
        let Some(led) = self.led.get(&queued.saga.share()).cloned() else {
            self.lanes.finished(lane);
            return;
        };
        let renewed = led.renewed.load(Ordering::Relaxed);
        let expires = renewed.saturating_add(self.life_ms());
        // None: the saga has gone on meanwhile.
        let Some(ask) = self.ask(&queued, expires) else {
            self.lanes.finished(lane);
            self.one_less(queued.saga);
            return;
        };
        let (people, telling) = (Arc::clone(&self.people), self.lanes.telling.clone());
        let lane = lane.to_owned();
        tokio::spawn(async move {
            let timeout = ask.timeout;
            let answer = match ask_or_why_not(ask) {
                Ok(ask) => match tokio::time::timeout(timeout, people.ask(ask)).await {
                    Ok(answer) => answer,
                    Err(_) => Answer::Nothing(format!("no answer within {timeout:?}")),
                },
                Err(why) => Answer::Nothing(why),
            };
            let _ = telling.send(Heard {
                led,
                lane,
                queued,
                answer,
            });
        });
    }

    fn ask(&self, queued: &Queued, expires: u64) -> Option<Ask> {
        let held = self.held.get(&queued.saga)?;
        let step = held.prepared.definition.steps.get(queued.step)?;
        let key = wire::key(
            &held.instance.id,
            &step.name,
            queued.generation,
            queued.kind,
        );
        let timeout = step.timeout_ms.map_or(TIMEOUT, Duration::from_millis);
        let Target::Http {
            way,
            service,
            method,
            ..
        } = &asked(step, queued.kind)?.to
        else {
            return Some(nowhere(key, queued.kind, expires));
        };
        let (method, path, body, digest) = match (self.stored(queued), queued.kind) {
            (Some(stored), kind) => {
                let request = &stored.request;
                let body = if kind == Kind::Status {
                    String::new()
                } else {
                    canonical(&request.body)
                };
                (*method, request.to.clone(), body, stored.digest.clone())
            }
            // Never enabled as far as this store knows: there is no address with its values.
            (None, Kind::Status) => (
                Method::Post,
                wire::BARRIER_PATH.to_owned(),
                String::new(),
                String::new(),
            ),
            (None, _) => return None,
        };
        Some(Ask {
            saga: held.prepared.definition.name.clone(),
            way: *way,
            service: service.clone(),
            method,
            path,
            body,
            key,
            kind: queued.kind,
            expires,
            digest,
            timeout,
            began: held.instance.input[wire::TRACEPARENT]
                .as_str()
                .map(str::to_owned),
        })
    }

    /// The request as it was made once; a status goes where the action went.
    fn stored(&self, queued: &Queued) -> Option<&crate::instance::Stored> {
        let kind = match queued.kind {
            Kind::Status => Kind::Action,
            kind => kind,
        };
        let key = (u32::try_from(queued.step).ok()?, kind);
        self.held.get(&queued.saga)?.instance.requests.get(&key)
    }

    /// Makes an event of an answer, if it is still for this leadership.
    pub(super) fn hear(&mut self, heard: Heard) {
        self.lanes.finished(&heard.lane);
        let Heard {
            led,
            queued,
            answer,
            ..
        } = heard;
        let current = self.led.get(&queued.saga.share());
        if !current.is_some_and(|current| Arc::ptr_eq(current, &led)) {
            return;
        }
        self.one_less(queued.saga);
        let Queued {
            saga,
            step,
            kind,
            generation,
            attempt,
        } = queued;
        let (event, payload) = match answer {
            Answer::Said(Said::Outcome(outcome), body) => (
                Event::Reply {
                    step,
                    generation,
                    kind,
                    outcome,
                },
                Some(body),
            ),
            Answer::Said(Said::Told(told), _) => (Event::Told { step, told }, None),
            Answer::Nothing(why) => (
                Event::Unanswered {
                    step,
                    generation,
                    kind,
                    attempt,
                    chance: chance(),
                },
                Some(why.into()),
            ),
        };
        self.push_event(saga, event, payload);
    }

    fn one_less(&mut self, saga: SagaId) {
        if let Some(held) = self.held.get_mut(&saga) {
            held.under_way = held.under_way.saturating_sub(1);
        }
    }

    /// A saga that is forgotten here may be forgotten by all that it called. Sent once: a barrier
    /// row that stays is small and harmless.
    pub(super) fn forget_at_participants(&self, row: &Row) {
        let (Ok(instance), Some(prepared)) = (
            encoding::decode(&row.state),
            self.by_hash.get(&row.definition),
        ) else {
            return;
        };
        for (service, way) in services(&prepared.definition.steps, &instance) {
            let ask = Ask {
                saga: prepared.definition.name.clone(),
                way,
                service,
                method: Method::Delete,
                path: wire::BARRIER_PATH.to_owned(),
                body: String::new(),
                key: wire::forget_key(&instance.id),
                kind: Kind::Status,
                expires: self.clock.now().saturating_add(self.life_ms()),
                digest: String::new(),
                timeout: TIMEOUT,
                began: None,
            };
            let people = Arc::clone(&self.people);
            tokio::spawn(async move {
                let _ = tokio::time::timeout(TIMEOUT, people.ask(ask)).await;
            });
        }
    }
}

/// Those that were called, each with a way to it.
fn services(steps: &[crate::Step], instance: &Instance) -> BTreeMap<String, Way> {
    let called = steps.iter().zip(&instance.state.steps);
    let called = called.filter(|(_, it)| it.generation > 0);
    called
        .filter_map(|(step, _)| match &step.call.as_ref()?.to {
            Target::Http { way, service, .. } => Some((service.clone(), *way)),
            Target::Saga { .. } => None,
        })
        .collect()
}

impl Lanes {
    fn next(&mut self, name: &str) -> Option<Queued> {
        let lane = self.by_service.get_mut(name)?;
        if lane.running >= self.at_once {
            return None;
        }
        let queued = lane.queue.pop_front()?;
        lane.running += 1;
        Some(queued)
    }

    fn finished(&mut self, name: &str) {
        if let Some(lane) = self.by_service.get_mut(name) {
            lane.running = lane.running.saturating_sub(1);
        }
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

/// A nested saga: what is not there yet; the check refuses it before it runs.
fn nowhere(key: String, kind: Kind, expires: u64) -> Ask {
    Ask {
        saga: String::new(),
        way: Way::Http,
        service: String::new(),
        method: Method::Post,
        path: String::new(),
        body: String::new(),
        key,
        kind,
        expires,
        digest: String::new(),
        timeout: TIMEOUT,
        began: None,
    }
}

fn ask_or_why_not(ask: Ask) -> std::result::Result<Ask, String> {
    if ask.service.is_empty() {
        return Err("nested sagas are not started so far".to_owned());
    }
    Ok(ask)
}

/// For the length of a pause.
fn chance() -> u16 {
    let mut bytes = [0; 2];
    let _ = getrandom::fill(&mut bytes);
    u16::from_le_bytes(bytes)
}
