//! Sending: what a committed transition sends goes into its participant's lane. A participant whose sagas are forgotten here may forget them too.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::encoding;
use crate::instance::Instance;
use crate::participants::{Ask, Way};
use crate::request::{Method, Target};
use crate::saga_id::SagaId;
use crate::store::Row;
use crate::transition::{Command, Kind};
use crate::wire;

use super::Executor;
use super::lanes::{Outgoing, Queued, TIMEOUT};

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
            if let Some(held) = self.memory.held.get_mut(&saga) {
                held.under_way += 1;
            }
            if delay == 0 {
                self.queue(queued);
            } else {
                let at = Instant::now() + Duration::from_millis(delay);
                self.lanes.delay(queued, at);
            }
        }
    }

    fn queue(&mut self, queued: Queued) {
        match self.outgoing(queued) {
            Some(outgoing) => self.lanes.push(outgoing),
            None => self.memory.one_less(queued.saga),
        }
    }

    /// The request as it was made once; a status goes where the action went. None: the saga has gone
    /// on meanwhile.
    fn outgoing(&self, queued: Queued) -> Option<Outgoing> {
        let led = self.memory.led.get(&queued.saga.share())?;
        let held = self.memory.held.get(&queued.saga)?;
        let kind = match queued.kind {
            Kind::Status => Kind::Action,
            kind => kind,
        };
        let key = (u32::try_from(queued.step).ok()?, kind);
        let stored = held.instance.requests.get(&key).cloned();
        if stored.is_none() && queued.kind != Kind::Status {
            return None;
        }
        let began = held.instance.input[wire::TRACEPARENT].as_str();
        Some(Outgoing {
            led: Arc::clone(led),
            queued,
            prepared: Arc::clone(&held.prepared),
            stored,
            began: began.map(str::to_owned),
        })
    }

    /// Sends what may be sent now.
    pub(super) fn send_ready(&mut self) {
        while let Some(queued) = self.lanes.due() {
            self.queue(queued);
        }
        self.lanes.go(self.memory.clock.at + self.settings.term);
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
                expires: self
                    .memory
                    .clock
                    .now()
                    .saturating_add(self.settings.life_ms()),
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
