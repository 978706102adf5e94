//! Events on their way as spans: from the row in the outbox to the broker, and to the commit that
//! makes them readable elsewhere. Only of events whose headers carry a context; a session without
//! anybody who takes traces is left as it is.

use std::collections::VecDeque;
use std::sync::Arc;

use freehold_broker::{
    Body, BoxFuture, Delivered, Limits, Message, Partition, Rejection, Result, Session, Settled,
    Start, Subscription, Tail, Topic,
};
use freehold_saga::wire;
use serde_json::{Value, json};
use tokio::sync::mpsc::Sender;

use super::{attribute, nanos};

/// OpenTelemetry's numbers of the two sides of a message.
const PRODUCER: u8 = 4;
const CONSUMER: u8 = 5;
/// Who reads an older event catches up: that is no news of the request that told it.
const NEWS_FOR: u128 = 600 * 1_000_000_000;
/// So many are remembered until they are acknowledged; of more the oldest are not told.
const REMEMBERED: usize = 2_000;

/// What a service's session with the broker carries, told as spans.
pub(crate) fn carried(
    inner: Box<dyn Session>,
    service: &str,
    spans: Option<&Sender<Value>>,
) -> Arc<dyn Session> {
    match spans {
        None => Arc::from(inner),
        Some(spans) => Arc::new(Carried {
            inner,
            by: By {
                service: service.into(),
                spans: spans.clone(),
            },
        }),
    }
}

struct Carried {
    inner: Box<dyn Session>,
    by: By,
}

/// Who tells, and where.
#[derive(Clone)]
struct By {
    service: Arc<str>,
    spans: Sender<Value>,
}

impl By {
    /// The span of this event on this side, begun with its row; its end is still to come.
    fn span(&self, message: &Message, kind: u8) -> Option<Value> {
        let context = message
            .headers
            .iter()
            .find(|(name, _)| name == wire::TRACEPARENT)?;
        let (trace, parent) = wire::started_in(&context.1)?;
        let Body::Event { .. } = message.body else {
            return None;
        };
        let begun = u128::try_from(message.occurred_at.micros()).ok()? * 1000;
        if nanos().saturating_sub(begun) > NEWS_FOR {
            return None;
        }
        let event = message.event.to_string();
        let (did, about) = if kind == PRODUCER {
            ("relayed", "freehold.detail")
        } else {
            ("taken", "freehold.event")
        };
        // The same event at the same place is the same span, however often it comes.
        let id = wire::span(&format!("{event}/{}/{did}", self.service));
        Some(json!({
            "traceId": trace, "spanId": id, "parentSpanId": parent,
            "name": format!("{} {did}", message.topic), "kind": kind,
            "startTimeUnixNano": begun.to_string(),
            "attributes": [attribute(about, &format!("{} {}", message.topic, message.key))],
        }))
    }

    fn ended(&self, mut span: Value, at: u128) {
        span["endTimeUnixNano"] = at.to_string().into();
        let _ = self.spans.try_send(span);
    }
}

impl Session for Carried {
    fn limits(&self) -> Limits {
        self.inner.limits()
    }

    fn warnings(&self) -> Vec<freehold_model::Fault> {
        self.inner.warnings()
    }

    fn broken(&self) -> bool {
        self.inner.broken()
    }

    fn check(&self, message: &Message) -> std::result::Result<(), Rejection> {
        self.inner.check(message)
    }

    fn publish<'a>(&'a self, messages: &'a [Message]) -> BoxFuture<'a, Settled> {
        Box::pin(async move {
            let settled = self.inner.publish(messages).await;
            let at = nanos();
            let stored = messages.iter().take(settled.acknowledged);
            for span in stored.filter_map(|own| self.by.span(own, PRODUCER)) {
                self.by.ended(span, at);
            }
            settled
        })
    }

    fn tails<'a>(&'a self, topic: &'a Topic) -> BoxFuture<'a, Result<Vec<Tail>>> {
        self.inner.tails(topic)
    }

    fn subscribe<'a>(
        &'a self,
        group: &'a str,
        topic: &'a Topic,
        partition: Partition,
        start: Start,
    ) -> BoxFuture<'a, Result<Box<dyn Subscription>>> {
        Box::pin(async move {
            let inner = self.inner.subscribe(group, topic, partition, start).await?;
            let reading = Reading {
                inner,
                by: self.by.clone(),
                waiting: VecDeque::new(),
            };
            Ok(Box::new(reading) as Box<dyn Subscription>)
        })
    }
}

/// A partition that is read, and what of it was not acknowledged yet.
struct Reading {
    inner: Box<dyn Subscription>,
    by: By,
    waiting: VecDeque<(u64, Value)>,
}

impl Subscription for Reading {
    fn next(&mut self, most: usize) -> BoxFuture<'_, Result<Vec<Delivered>>> {
        Box::pin(async move {
            let all = self.inner.next(most).await?;
            for own in &all {
                let span = own.message.as_ref().ok();
                let span = span.and_then(|it| self.by.span(it, CONSUMER));
                self.waiting.extend(span.map(|it| (own.offset, it)));
            }
            let many = self.waiting.len().saturating_sub(REMEMBERED);
            self.waiting.drain(..many);
            Ok(all)
        })
    }

    /// Comes after the consumer's own commit: from then on it can be read there.
    fn acknowledge(&mut self, offset: u64) -> BoxFuture<'_, Result<()>> {
        let at = nanos();
        while let Some((_, span)) = self.waiting.pop_front_if(|(own, _)| *own <= offset) {
            self.by.ended(span, at);
        }
        self.inner.acknowledge(offset)
    }
}
