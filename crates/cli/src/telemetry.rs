//! Traces of what a sidecar does (what it asks of participants; in `carried`, the events that it relays
//! and takes), left where `OTEL_EXPORTER_OTLP_ENDPOINT` says, in
//! OpenTelemetry's JSON form. Without that variable nothing is traced; what cannot be sent is lost, and
//! nothing waits for it.
//!
//! A saga is part of the trace of what started it, where its input carries that one's context; else its
//! id is its trace's id. Either way whoever asks and whoever is asked agree without a word more than the
//! request's own context.

mod carried;

pub(crate) use carried::carried;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use freehold_engine::BoxFuture;
use freehold_saga::wire::{self, Context};
use freehold_saga::{Answer, Ask, Participants};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{Receiver, Sender, channel};

const WAITING: usize = 2000;
const AT_ONCE: usize = 200;
const PAUSE: Duration = Duration::from_millis(300);
const PATIENCE: Duration = Duration::from_secs(2);
/// So many sagas' beginnings are remembered.
const REMEMBERED: usize = 4096;

/// Participants, and what they are asked as spans.
pub(crate) struct Traced<P> {
    inner: P,
    spans: Sender<Value>,
    begun: Mutex<VecDeque<(String, u128)>>,
}

/// Traces what is asked of `inner`, if somebody takes traces.
pub(crate) fn traced<P: Participants + 'static>(inner: P, service: &str) -> Arc<dyn Participants> {
    let Some(spans) = spans_of(service) else {
        return Arc::new(inner);
    };
    Arc::new(Traced {
        inner,
        spans,
        begun: Mutex::default(),
    })
}

/// Takes what this service's sidecar did; none where nobody takes traces.
pub(crate) fn spans_of(service: &str) -> Option<Sender<Value>> {
    let endpoint = std::env::var("OTEL_EXPORTER_OTLP_ENDPOINT").ok()?;
    let at = endpoint.strip_prefix("http://")?;
    let (spans, waiting) = channel(WAITING);
    tokio::spawn(send(
        at.trim_end_matches('/').to_owned(),
        service.to_owned(),
        waiting,
    ));
    Some(spans)
}

impl<P: Participants> Participants for Traced<P> {
    fn ask(&self, ask: Ask) -> BoxFuture<'static, Answer> {
        let Some((saga, step, _, kind)) = wire::parse_key(&ask.key) else {
            return self.inner.ask(ask);
        };
        let Some(Context {
            trace,
            parent,
            saga: root,
            span,
        }) = ask.context()
        else {
            return self.inner.ask(ask);
        };
        let from = nanos();
        let begun = self.begun(saga, from);
        let name = format!("{step}, {}", wire::kind_name(kind));
        let asked = format!("{} {}", ask.method.name(), ask.path);
        let (spans, saga) = (self.spans.clone(), saga.to_owned());
        let title = ask.saga.clone();
        let asking = self.inner.ask(ask);
        Box::pin(async move {
            let answer = asking.await;
            let failed = matches!(answer, Answer::Nothing(_));
            let span = json!({
                "traceId": trace, "spanId": span, "parentSpanId": root, "name": name, "kind": 3,
                "startTimeUnixNano": from.to_string(), "endTimeUnixNano": nanos().to_string(),
                "status": { "code": if failed { 2 } else { 0 } },
                "attributes": [attribute("freehold.saga", &saga), attribute("freehold.detail", &asked)],
            });
            // The bracket around all steps grows with each of them.
            let bracket = json!({
                "traceId": trace, "spanId": root, "parentSpanId": parent, "name": title, "kind": 1,
                "startTimeUnixNano": begun.to_string(), "endTimeUnixNano": nanos().to_string(),
                "attributes": [attribute("freehold.saga", &saga)],
            });
            for one in [bracket, span] {
                let _ = spans.try_send(one);
            }
            answer
        })
    }
}

impl<P> Traced<P> {
    /// When this saga was first seen to ask.
    fn begun(&self, saga: &str, now: u128) -> u128 {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, at)) = begun.iter().find(|(own, _)| own == saga) {
            return *at;
        }
        if begun.len() == REMEMBERED {
            begun.pop_front();
        }
        begun.push_back((saga.to_owned(), now));
        now
    }
}

fn attribute(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

fn nanos() -> u128 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_nanos()
}

async fn send(at: String, service: String, mut spans: Receiver<Value>) {
    let mut batch = Vec::new();
    while spans.recv_many(&mut batch, AT_ONCE).await > 0 {
        let export = json!({ "resourceSpans": [{
            "resource": { "attributes": [attribute("service.name", &service)] },
            "scopeSpans": [{ "spans": std::mem::take(&mut batch) }],
        }] });
        let _ = tokio::time::timeout(PATIENCE, post(&at, &export.to_string())).await;
        tokio::time::sleep(PAUSE).await;
    }
}

/// One request, whose answer is not looked at.
async fn post(at: &str, body: &str) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(at).await?;
    let request = format!(
        "POST /v1/traces HTTP/1.1\r\nHost: {at}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await?;
    stream.read_to_end(&mut Vec::new()).await.map(drop)
}
