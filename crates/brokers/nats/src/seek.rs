//! Where a position is in a partition. A stream knows sequence numbers only, and positions rise
//! with them within a subject: so it is searched by halving.

use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::{LastRawMessageErrorKind, RawMessageErrorKind, Stream};
use freehold_broker::{
    Delivered, Malformed, Message, Partition, Position, Result, Topic, cloudevents,
};

use crate::connect::Link;
use crate::{errors, names};

/// A topic's stream.
pub(crate) struct Log<'a> {
    pub(crate) link: &'a Link,
    pub(crate) stream: &'a Stream,
    pub(crate) topic: &'a Topic,
    pub(crate) partition: Partition,
}

/// A stored message as it is delivered.
pub(crate) fn delivered(
    topic: &Topic,
    partition: Partition,
    offset: u64,
    headers: Option<&async_nats::HeaderMap>,
    payload: bytes::Bytes,
) -> Delivered {
    let headers = headers.into_iter().flat_map(|map| map.iter());
    // The driver keeps headers in a map without an order: by name is one at least.
    let headers = headers.flat_map(|(name, values)| {
        let name = name.to_string();
        values
            .iter()
            .map(move |value| (name.clone(), value.as_str().to_owned()))
    });
    let mut headers: Vec<(String, String)> = headers.collect();
    headers.sort();
    Delivered {
        offset,
        message: cloudevents::decode(topic, partition, headers, payload),
    }
}

impl Log<'_> {
    fn read(&self, message: StreamMessage) -> Delivered {
        let StreamMessage {
            sequence,
            headers,
            payload,
            ..
        } = message;
        delivered(
            self.topic,
            self.partition,
            sequence,
            Some(&headers),
            payload,
        )
    }

    /// The first message of this sequence or later.
    pub(crate) async fn from(&self, sequence: u64) -> Result<Option<Delivered>> {
        let subject = names::subject(self.topic, self.partition);
        let since = self.link.so_far();
        let stream = names::stream(self.topic);
        let ask = async {
            match self
                .stream
                .get_first_raw_message_by_subject(&subject, sequence)
                .await
            {
                Ok(message) => Ok(Some(self.read(message))),
                Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(None),
                Err(error) => Err(errors::unavailable(error)),
            }
        };
        self.link.guard(since, &[&stream], ask).await
    }

    /// The last message.
    pub(crate) async fn last(&self) -> Result<Option<Delivered>> {
        let subject = names::subject(self.topic, self.partition);
        let since = self.link.so_far();
        let stream = names::stream(self.topic);
        let ask = async {
            match self.stream.get_last_raw_message_by_subject(&subject).await {
                Ok(message) => Ok(Some(self.read(message))),
                Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
                Err(error) => Err(errors::unavailable(error)),
            }
        };
        self.link.guard(since, &[&stream], ask).await
    }

    /// The first sequence from which on all messages of the partition are behind the position:
    /// of the first such message, or behind the end.
    pub(crate) async fn behind(&self, position: Position, first: u64, next: u64) -> Result<u64> {
        let (mut low, mut high) = (first.max(1), next.max(1));
        while low < high {
            let middle = low + (high - low) / 2;
            match self.from(middle).await? {
                // What cannot be read has no position: look at what follows it.
                Some(found) if !is_behind(found.message.as_ref(), position) => {
                    low = found.offset + 1;
                }
                _ => high = middle,
            }
        }
        Ok(low)
    }
}

fn is_behind(message: Result<&Message, &Malformed>, position: Position) -> bool {
    message.is_ok_and(|message| message.position > position)
}
