//! Requests to participants over the broker: the same request, the same reply, another way. Between
//! two services runs a topic of commands and one of replies; each has one service that writes it.
//!
//! - [`Commands`] asks: it publishes a request and waits for the reply that echoes its key. A reply
//!   that is lost is not missed: the request comes again, and the barrier answers as before.
//! - [`attend`] is the participant's side: it hands each command to the service's own program, with
//!   the headers that its caller signed, and publishes what the program answers.
//!
//! The key of a message is `saga/step/kind`: a parked action does not hold up its undo. Positions
//! are the sender's time, so that they rise over restarts.

mod ask;
mod attend;
mod outgoing;

pub use ask::{Asking, Commands};
pub use attend::{Attended, attend};

use freehold_broker::{Message, Topic};

use crate::participants::{Answer, Ask, Participants, Way};

/// Of a command's message, beside the headers of [`crate::wire`].
const METHOD: &str = "freehold-method";
const PATH: &str = "freehold-path";

/// Where `caller` writes what it asks of `service`.
///
/// # Errors
/// A name that makes no topic.
pub fn asked(caller: &str, service: &str) -> Result<Topic, freehold_broker::ParseError> {
    Topic::new(&format!("freehold.command.{caller}.{service}"))
}

/// Where `service` writes what it answers `caller`.
///
/// # Errors
/// A name that makes no topic.
pub fn answered(caller: &str, service: &str) -> Result<Topic, freehold_broker::ParseError> {
    Topic::new(&format!("freehold.reply.{service}.{caller}"))
}

/// Each request on the way that its step names.
pub struct BothWays<H> {
    pub http: H,
    pub commands: Commands,
}

impl<H: Participants> Participants for BothWays<H> {
    fn ask(&self, ask: Ask) -> freehold_engine::BoxFuture<'static, Answer> {
        match ask.way {
            Way::Http => self.http.ask(ask),
            Way::Broker => self.commands.ask(ask),
        }
    }
}

/// A key's order is all that is kept: of `SAGA/STEP/GENERATION/KIND` without the generation.
fn message_key(key: &str) -> String {
    match key.split('/').collect::<Vec<_>>()[..] {
        [saga, step, _, kind] => format!("{saga}/{step}/{kind}"),
        _ => key.to_owned(),
    }
}

fn header<'m>(message: &'m Message, name: &str) -> Option<&'m str> {
    let found = message.headers.iter().find(|(it, _)| it == name);
    found.map(|(_, value)| value.as_str())
}
