//! What was recorded and is not yet acknowledged, by topic. Topics settle separately: one that the
//! broker does not take never holds up another.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use freehold_broker::{Body, Message, Rejection, Session, Settled, Stop, Topic};

/// Messages of one topic and batch.
#[derive(Debug)]
struct Chunk {
    batch: u64,
    messages: Vec<Message>,
}

/// The queues.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    topics: BTreeMap<Topic, VecDeque<Chunk>>,
    /// What each batch still waits for.
    pending: BTreeMap<u64, BTreeSet<Topic>>,
    /// Batches whose `pending` is not what the store has.
    changed: BTreeSet<u64>,
    held: usize,
}

/// What came of sending one topic's front.
pub(crate) struct Sent {
    topic: Topic,
    chunk: Chunk,
    failed: Option<freehold_broker::Error>,
}

impl Sent {
    pub(crate) fn topic(&self) -> &Topic {
        &self.topic
    }
}

impl Outgoing {
    /// Adds a recorded batch. Topics in `pending` without messages count as sent.
    pub(crate) fn add(&mut self, batch: u64, mut pending: BTreeSet<Topic>, messages: Vec<Message>) {
        let mut chunks: BTreeMap<Topic, Vec<Message>> = BTreeMap::new();
        for message in messages {
            if let Some(chunk) = chunks.get_mut(&message.topic) {
                chunk.push(message);
            } else if pending.contains(&message.topic) {
                chunks.insert(message.topic.clone(), vec![message]);
            }
        }
        let before = pending.len();
        pending.retain(|topic| chunks.contains_key(topic));
        if pending.len() != before {
            self.changed.insert(batch);
        }
        for (topic, messages) in chunks {
            self.held += messages.len();
            let queue = self.topics.entry(topic).or_default();
            queue.push_back(Chunk { batch, messages });
        }
        self.pending.insert(batch, pending);
    }

    /// How many messages wait.
    pub(crate) fn held(&self) -> usize {
        self.held
    }

    /// Is there anything to send to a topic that is not in `resting`?
    pub(crate) fn has_work(&self, resting: &BTreeSet<Topic>) -> bool {
        let mut waiting = self.topics.iter().filter(|(_, queue)| !queue.is_empty());
        waiting.any(|(topic, _)| !resting.contains(topic))
    }

    /// Takes the front of each topic that is not in `resting`. All of it has to come back through
    /// [`Outgoing::settle`].
    pub(crate) fn fronts(&mut self, resting: &BTreeSet<Topic>) -> Vec<Front> {
        let ready = self
            .topics
            .iter_mut()
            .filter(|(topic, _)| !resting.contains(*topic));
        ready
            .filter_map(|(topic, queue)| {
                Some(Front {
                    topic: topic.clone(),
                    chunk: queue.pop_front()?,
                })
            })
            .collect()
    }

    /// Notes what came of it. Topics that failed, with why.
    pub(crate) fn settle(&mut self, sent: Vec<Sent>) -> Vec<(Topic, freehold_broker::Error)> {
        let mut failed = Vec::new();
        for Sent {
            topic,
            chunk,
            failed: error,
        } in sent
        {
            if let Some(error) = error {
                failed.push((topic.clone(), error));
                self.topics.entry(topic).or_default().push_front(chunk);
                continue;
            }
            self.held -= chunk.messages.len();
            if let Some(pending) = self.pending.get_mut(&chunk.batch) {
                pending.remove(&topic);
                self.changed.insert(chunk.batch);
            }
        }
        failed
    }

    /// Batches whose pending topics the store should be told; forgotten where nothing is pending.
    pub(crate) fn changes(&mut self) -> Vec<(u64, BTreeSet<Topic>)> {
        let changed = std::mem::take(&mut self.changed);
        let told: Vec<_> = changed
            .into_iter()
            .filter_map(|batch| Some((batch, self.pending.get(&batch)?.clone())))
            .collect();
        for (batch, pending) in &told {
            if pending.is_empty() {
                self.pending.remove(batch);
            }
        }
        told
    }
}

/// Messages on their way.
pub(crate) struct Front {
    topic: Topic,
    chunk: Chunk,
}

impl Front {
    /// Sends all of it, in order. What the broker can never take goes out as a void in its place.
    pub(crate) async fn send(mut self, session: &dyn Session) -> Sent {
        let mut from = 0;
        let most = session.limits().batch.max(1);
        let failed = loop {
            let rest = &self.chunk.messages[from..];
            let some = &rest[..rest.len().min(most)];
            let Settled { acknowledged, stop } = session.publish(some).await;
            from += acknowledged;
            match stop {
                None if from < self.chunk.messages.len() && acknowledged > 0 => {}
                None => break None,
                Some(Stop::Failed(error)) => break Some(error),
                Some(Stop::Rejected(why)) => {
                    let message = &mut self.chunk.messages[from];
                    if matches!(message.body, Body::Void { .. }) {
                        let error = freehold_broker::Error::new(
                            freehold_broker::ErrorKind::Invalid,
                            format!("even a void is not taken: {why}"),
                        );
                        break Some(error);
                    }
                    make_void(message, &why);
                }
            }
        };
        Sent {
            topic: self.topic,
            chunk: self.chunk,
            failed,
        }
    }
}

fn make_void(message: &mut Message, why: &Rejection) {
    let code = match why {
        Rejection::TooLarge { .. } => "FH3910",
        Rejection::Invalid(_) => "FH3911",
    };
    message.headers.clear();
    message.body = Body::Void {
        code: code.to_owned(),
        why: why.to_string(),
    };
}
