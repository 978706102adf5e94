//! Publishing commands and replies of one topic: one task, one call at a time, positions that rise.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use freehold_broker::{
    Body, ErrorKind, EventId, Incarnation, Lane, Message, Position, Session, Stop, Timestamp, To,
    Topic,
};
use tokio::sync::{mpsc, oneshot};

use super::message_key;

/// What is not published yet; more waits at the sender.
const QUEUE: usize = 1024;

/// A message to be, and who waits until it is stored.
pub(super) struct Letter {
    /// As in [`crate::wire::KEY`].
    pub(super) key: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
    /// Hears why not.
    pub(super) stored: oneshot::Sender<Result<(), String>>,
}

/// Publishes what comes in, in order, until nobody is left to send or the session is broken. Who
/// waits for a letter that was not sent hears nothing, and asks again.
pub(super) async fn publish(
    session: Arc<dyn Session>,
    topic: Topic,
    source: Arc<str>,
    mut letters: mpsc::Receiver<Letter>,
) -> freehold_broker::Result<()> {
    let mut clock = Positions::default();
    clock.after(&*session, &topic).await?;
    let most = session.limits().batch.clamp(1, QUEUE);
    let mut waiting = Vec::new();
    while letters.recv_many(&mut waiting, most).await > 0 {
        let mut batch: Vec<(Letter, Message)> = Vec::new();
        for letter in waiting.drain(..) {
            let message = message(&letter, &topic, &source, clock.next());
            match session.check(&message) {
                Ok(()) => batch.push((letter, message)),
                Err(why) => drop(letter.stored.send(Err(why.to_string()))),
            }
        }
        let messages: Vec<Message> = batch.iter().map(|(_, message)| message.clone()).collect();
        if messages.is_empty() {
            continue;
        }
        let settled = session.publish(&messages).await;
        for (at, (letter, _)) in batch.into_iter().enumerate() {
            let said = match &settled.stop {
                Some(Stop::Rejected(why)) if at == settled.acknowledged => Err(why.to_string()),
                _ if at < settled.acknowledged => Ok(()),
                _ => Err("the broker did not take it".to_owned()),
            };
            // Who gave up waiting needs no word.
            let _ = letter.stored.send(said);
        }
        if let Some(Stop::Failed(error)) = settled.stop {
            if error.kind != ErrorKind::Backwards {
                return Err(error);
            }
            // Another sidecar of this service was faster, or its clock is ahead.
            clock.after(&*session, &topic).await?;
        }
    }
    Ok(())
}

pub(super) fn queue() -> (mpsc::Sender<Letter>, mpsc::Receiver<Letter>) {
    mpsc::channel(QUEUE)
}

/// Microseconds since 1970, always later than what stands in the topic.
#[derive(Default)]
struct Positions {
    last: u64,
}

impl Positions {
    async fn after(&mut self, session: &dyn Session, topic: &Topic) -> freehold_broker::Result<()> {
        for tail in session.tails(topic).await? {
            let batch = tail.last.map_or(0, |(position, _)| position.batch);
            self.last = self.last.max(batch);
        }
        Ok(())
    }

    fn next(&mut self) -> Position {
        self.last = now_micros().max(self.last + 1);
        Position {
            incarnation: Incarnation {
                number: 1,
                random: 0,
            },
            batch: self.last,
            id: 1,
        }
    }
}

fn message(letter: &Letter, topic: &Topic, source: &Arc<str>, position: Position) -> Message {
    let key = message_key(&letter.key);
    let mut event = [0; 16];
    // Only to tell duplicates apart; without randomness every position still differs.
    let _ = getrandom::fill(&mut event);
    Message {
        event: EventId(event),
        topic: topic.clone(),
        to: To::Lane(Lane::of(&key)),
        key,
        source: Arc::clone(source),
        position,
        prev: None,
        occurred_at: Timestamp::from_micros(i64::try_from(position.batch).unwrap_or(i64::MAX)),
        headers: letter.headers.clone(),
        body: Body::Event {
            content_type: "application/json".into(),
            payload: Bytes::from(letter.body.clone()),
        },
    }
}

fn now_micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
    })
}
