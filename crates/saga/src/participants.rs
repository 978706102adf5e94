//! Whom an executor asks: one request, one answer. Over HTTP in [`crate::http`]; tests have others.

use std::time::Duration;

use freehold_engine::BoxFuture;
use serde_json::Value;

use crate::request::Method;
use crate::transition::{Kind, Millis};
use crate::wire::{self, Context, Said};

/// How a request travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Way {
    /// From the sidecar to the service's program.
    Http,
    /// Over the broker to the service's sidecar, and from there to its program.
    Broker,
}

/// A request as it goes out.
#[derive(Debug, Clone, PartialEq)]
pub struct Ask {
    /// What its definition calls itself.
    pub saga: String,
    pub way: Way,
    /// A service of the system.
    pub service: String,
    pub method: Method,
    pub path: String,
    /// JSON text.
    pub body: String,
    /// [`crate::wire::key`].
    pub key: String,
    pub kind: Kind,
    /// Store time; afterwards it does nothing.
    pub expires: Millis,
    pub digest: String,
    /// How long an answer is waited for.
    pub timeout: Duration,
    /// The context of what started the saga, as its input has it.
    pub began: Option<String>,
}

impl Ask {
    /// Where it stands in a trace.
    pub fn context(&self) -> Option<Context> {
        wire::trace(&self.key, self.began.as_deref())
    }
}

/// What came back.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// An answer that may be acted on, with what it carries.
    Said(Said, Value),
    /// Nothing that may be, and why.
    Nothing(String),
}

/// The participants of a system.
pub trait Participants: Send + Sync {
    /// Asks. Never fails: what is no answer is [`Answer::Nothing`]. The caller ends it at its
    /// time-out by dropping it.
    fn ask(&self, ask: Ask) -> BoxFuture<'static, Answer>;
}
