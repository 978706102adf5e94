//! A partition, being read: an ordered pull consumer without a name of its own. How far the group
//! is stands in a stream of its own, below a subject that only its service may write.

use std::sync::Arc;

use async_nats::jetstream::Message as Stored;
use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::consumer::pull::{Ordered, OrderedConfig};
use freehold_broker::{
    BoxFuture, Delivered, Error, ErrorKind, Partition, Result, Start, Subscription, Topic,
};
use futures_util::{FutureExt as _, StreamExt as _};

use crate::connect::Link;
use crate::seek::{Log, delivered};
use crate::{errors, names};

pub(crate) struct NatsSubscription {
    link: Arc<Link>,
    topic: Topic,
    partition: Partition,
    group: String,
    messages: Ordered,
    /// Violations before it was opened are not about it.
    since: u64,
    acknowledged: u64,
}

impl NatsSubscription {
    pub(crate) async fn open(
        link: Arc<Link>,
        log: &Log<'_>,
        group: &str,
        start: Start,
    ) -> Result<Self> {
        let since = link.so_far();
        let state = &log.stream.cached_info().state;
        let (first, next) = (state.first_sequence, state.last_sequence + 1);
        let from = match start {
            Start::Beginning => 0,
            Start::Tail => next,
            Start::Offset(offset) => offset,
            Start::After(position) => log.behind(position, first, next).await?,
            Start::Acknowledged => acknowledged(&link, group, log)
                .await?
                .map_or(0, |at| at + 1),
        };
        let config = OrderedConfig {
            filter_subject: names::subject(log.topic, log.partition),
            deliver_policy: DeliverPolicy::ByStartSequence {
                start_sequence: from.max(1),
            },
            ..OrderedConfig::default()
        };
        let stream = names::stream(log.topic);
        let begin = async {
            let consumer = log.stream.create_consumer(config).await;
            let consumer = consumer.map_err(errors::unavailable)?;
            consumer.messages().await.map_err(errors::unavailable)
        };
        let messages = link.guard(since, &[&stream], begin).await?;
        Ok(Self {
            topic: log.topic.clone(),
            partition: log.partition,
            group: group.to_owned(),
            messages,
            since,
            acknowledged: 0,
            link,
        })
    }

    fn read(&self, stored: Stored) -> Result<Delivered> {
        let offset = stored.info().map_err(errors::other)?.stream_sequence;
        let (message, _) = stored.split();
        let headers = message.headers.as_ref();
        Ok(delivered(
            &self.topic,
            self.partition,
            offset,
            headers,
            message.payload,
        ))
    }
}

/// What the group wrote last.
async fn acknowledged(link: &Link, group: &str, log: &Log<'_>) -> Result<Option<u64>> {
    let since = link.so_far();
    let subject = names::group_subject(group, log.topic, log.partition);
    let ask = async {
        let inbox = format!("$JS.API.DIRECT.GET.{}.{subject}", names::GROUPS);
        let answer = link.client.request(inbox, "".into()).await;
        let answer = answer.map_err(errors::unavailable)?;
        let text = std::str::from_utf8(&answer.payload).ok();
        // 404 has no payload: it never did.
        Ok(text.and_then(|text| text.parse().ok()))
    };
    link.guard(since, &[names::GROUPS], ask).await
}

impl Subscription for NatsSubscription {
    fn next(&mut self, most: usize) -> BoxFuture<'_, Result<Vec<Delivered>>> {
        Box::pin(async move {
            let link = self.link.clone();
            let stream = names::stream(&self.topic);
            let ended = || Error::new(ErrorKind::Unavailable, "the subscription has ended");
            let messages = &mut self.messages;
            let first = async {
                let next = messages.next().await.ok_or_else(ended)?;
                next.map_err(errors::unavailable)
            };
            let first = link.guard(self.since, &[&stream], first).await?;
            let mut found = vec![self.read(first)?];
            // What is there already comes along; nothing is waited for.
            while found.len() < most {
                match self.messages.next().now_or_never() {
                    Some(Some(Ok(stored))) => found.push(self.read(stored)?),
                    _ => break,
                }
            }
            Ok(found)
        })
    }

    fn acknowledge(&mut self, offset: u64) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            if offset <= self.acknowledged {
                return Ok(());
            }
            let since = self.link.so_far();
            let subject = names::group_subject(&self.group, &self.topic, self.partition);
            let publish = async {
                let sent = self
                    .link
                    .jetstream
                    .publish(subject, offset.to_string().into());
                let sent = sent.await.map_err(|error| errors::publish(&error))?;
                sent.await.map_err(|error| errors::publish(&error))
            };
            self.link.guard(since, &[names::GROUPS], publish).await?;
            self.acknowledged = offset;
            Ok(())
        })
    }
}
