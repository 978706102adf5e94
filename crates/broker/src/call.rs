//! One call of [`crate::Session::publish`]: what is found out before anything is sent, since nothing
//! behind what is refused may be stored, and how it is told in the end.

use std::future::Future;

use crate::contract::{Settled, Stop};
use crate::error::{Rejection, Result};
use crate::message::Message;
use crate::topic::Topic;

/// Looks at the messages in order, and sends those before the first that is refused. `wire` says how
/// one is sent, or why it cannot be; `send` how many were stored, from the first on, and what
/// stopped it.
pub async fn settle<'a, W, Sent>(
    messages: &'a [Message],
    wire: impl Fn(&Message) -> Result<W, Rejection>,
    send: impl FnOnce(&'a Topic, &'a [Message], Vec<W>) -> Sent,
) -> Settled
where
    Sent: Future<Output = (usize, Result<()>)>,
{
    let Some(topic) = messages.first().map(|first| &first.topic) else {
        return Settled {
            acknowledged: 0,
            stop: None,
        };
    };
    let mut wires = Vec::with_capacity(messages.len());
    let mut refused = None;
    for message in messages {
        let checked = if message.topic == *topic {
            wire(message)
        } else {
            Err(Rejection::Invalid("one call, one topic".to_owned()))
        };
        match checked {
            Ok(wire) => wires.push(wire),
            Err(rejection) => {
                refused = Some(rejection);
                break;
            }
        }
    }
    let good = &messages[..wires.len()];
    let (acknowledged, done) = if good.is_empty() {
        (0, Ok(()))
    } else {
        send(topic, good, wires).await
    };
    let failed = done
        .err()
        .map(|error| Stop::Failed(error.during(format!("publish to {topic}"))));
    Settled {
        acknowledged,
        stop: failed.or(refused.map(Stop::Rejected)),
    }
}
