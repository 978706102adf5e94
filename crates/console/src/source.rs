//! Where a console has its data from, and whom it asks to act.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use freehold_model::Fault;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;

use crate::moment::{LogLine, Moment};

/// A running system, as the console sees it.
pub trait Source: Send + Sync + 'static {
    /// What is known now. Cheap: it is asked for with every page. A source looks at its databases
    /// on its own time, and says in the moment how old its news is.
    fn moment(&self) -> Arc<Moment>;

    /// Lines of logs from now on; one that lags behind misses some.
    fn lines(&self) -> broadcast::Receiver<LogLine>;

    /// Does what an operator asked for. `key` names the request: one that was seen before is
    /// answered as before, and nothing is done again.
    fn act(
        &self,
        action: Action,
        key: String,
    ) -> Pin<Box<dyn Future<Output = Result<Acted, Fault>> + Send + '_>>;

    /// Sends a request to a service's own program, for an operator who tries its API. It goes to where
    /// that program listens and nowhere else.
    fn call(
        &self,
        call: Call,
    ) -> Pin<Box<dyn Future<Output = Result<Answered, Fault>> + Send + '_>> {
        let service = call.service;
        Box::pin(async move {
            let text = format!("nothing is known here of where `{service}` listens");
            Err(Fault::new("FH4009", text).help("the console of `freehold up` knows"))
        })
    }
}

/// A request to a service, as its document describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    pub service: String,
    pub method: String,
    /// Path and query, encoded.
    pub target: String,
    pub headers: Vec<(String, String)>,
    /// Its media type and its text.
    pub body: Option<(String, String)>,
}

/// What a service answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    pub status: u16,
    pub media: String,
    /// Cut where it is long.
    pub body: String,
    pub cut: bool,
    pub took_ms: u64,
}

/// What an operator can ask for. The same words as the command's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "do", deny_unknown_fields)]
pub enum Action {
    /// A parked saga tries its step again.
    RetrySaga { id: String },
    /// A parked saga takes its effects back.
    CompensateSaga { id: String },
    /// A dead letter is tried again.
    RetryDead { id: String },
    /// A dead letter is left out; what waits behind it goes on.
    SkipDead { id: String },
}

/// What came of an action: the line that stands in the audit trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acted {
    pub said: String,
}
