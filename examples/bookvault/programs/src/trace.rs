//! Traces: a span for each request that is answered and each that is sent, in W3C's context, left where
//! `OTEL_EXPORTER_OTLP_ENDPOINT` says. Without that variable nothing is traced.
//!
//! A program of yours takes OpenTelemetry's library for its language; this is what one does, in small.

use std::cell::RefCell;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::extract::Request;
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// So many spans wait to be sent; what comes while they do is lost, and the program is not held up.
const WAITING: usize = 2000;
const AT_ONCE: usize = 200;
const PAUSE: Duration = Duration::from_millis(300);
const PATIENCE: Duration = Duration::from_secs(2);

static SPANS: OnceLock<Sender<Value>> = OnceLock::new();

/// The request that is being answered.
struct Current {
    trace: String,
    span: String,
    about: RefCell<String>,
}

tokio::task_local! {
    static CURRENT: Current;
}

/// From now on spans are sent, if somebody takes them.
pub(crate) fn begin(service: &str) {
    let Ok(endpoint) = std::env::var("OTEL_EXPORTER_OTLP_ENDPOINT") else {
        return;
    };
    let (sender, spans) = channel(WAITING);
    if SPANS.set(sender).is_ok() {
        tokio::spawn(send(endpoint, service.to_owned(), spans));
    }
}

/// Answers a request as a span of its caller's trace, or of a new one.
pub(crate) async fn answered(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    if SPANS.get().is_none() || path == "/healthz" {
        return next.run(request).await;
    }
    let (trace, parent) = context(request.headers())
        .unwrap_or_else(|| (format!("{:016x}{:016x}", random(), random()), String::new()));
    let name = format!("{} {}", request.method(), shape(&path));
    let current = Current {
        trace,
        span: format!("{:016x}", random()),
        about: RefCell::default(),
    };
    let from = nanos();
    let answering = async {
        let response = next.run(request).await;
        let said = CURRENT.with(|own| (own.trace.clone(), own.span.clone(), own.about.take()));
        (response, said)
    };
    let (response, (trace, span, about)) = CURRENT.scope(current, answering).await;
    let status = response.status().as_u16();
    put(json!({
        "traceId": trace, "spanId": span, "parentSpanId": parent, "name": name, "kind": 2,
        "startTimeUnixNano": from.to_string(), "endTimeUnixNano": nanos().to_string(),
        "status": { "code": if status >= 500 { 2 } else { 0 } },
        "attributes": [
            attribute("http.response.status_code", &status.to_string()),
            attribute("freehold.about", &about),
        ],
    }));
    response
}

/// Says what the present request is about: `order 39`.
pub(crate) fn about(text: &str) {
    // Nobody traces where there is no request.
    let _ = CURRENT.try_with(|own| own.about.replace(text.to_owned()));
}

/// The context of the present request, for what it sets off: an event, a saga.
pub(crate) fn carried() -> Option<String> {
    CURRENT
        .try_with(|own| format!("00-{}-{}-01", own.trace, own.span))
        .ok()
}

/// A request to another service.
pub(crate) struct Sent {
    trace: String,
    parent: String,
    span: String,
    name: String,
    from: u128,
}

/// Begins one; none where nothing is traced.
pub(crate) fn sent(name: String) -> Option<Sent> {
    let inside = CURRENT.try_with(|own| (own.trace.clone(), own.span.clone()));
    let (trace, parent) = inside.ok()?;
    Some(Sent {
        trace,
        parent,
        span: format!("{:016x}", random()),
        name,
        from: nanos(),
    })
}

impl Sent {
    /// The header that carries it.
    pub(crate) fn header(&self) -> String {
        format!("00-{}-{}-01", self.trace, self.span)
    }

    /// The answer is here, or none came.
    pub(crate) fn done(self, answered: bool) {
        put(json!({
            "traceId": self.trace, "spanId": self.span, "parentSpanId": self.parent, "name": self.name, "kind": 3,
            "startTimeUnixNano": self.from.to_string(), "endTimeUnixNano": nanos().to_string(),
            "status": { "code": if answered { 0 } else { 2 } },
        }));
    }
}

fn put(span: Value) {
    if let Some(spans) = SPANS.get() {
        let _ = spans.try_send(span);
    }
}

/// `00-<trace>-<span>-01`
fn context(headers: &HeaderMap) -> Option<(String, String)> {
    let mut parts = headers.get("traceparent")?.to_str().ok()?.split('-');
    let (_, trace, span) = (parts.next()?, parts.next()?, parts.next()?);
    let is_hex = |text: &str, digits| {
        text.len() == digits && text.bytes().all(|own| own.is_ascii_hexdigit())
    };
    (is_hex(trace, 32) && is_hex(span, 16)).then(|| (trace.to_owned(), span.to_owned()))
}

/// Without what differs from one to the next: `/orders/{id}`.
fn shape(path: &str) -> String {
    let parts = path.split('/').map(|part| {
        let number = !part.is_empty() && part.bytes().all(|own| own.is_ascii_digit());
        if number { "{id}" } else { part }
    });
    parts.collect::<Vec<_>>().join("/")
}

fn attribute(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

fn nanos() -> u128 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_nanos()
}

/// Keys of the standard library's hash maps are random: enough for names that need not be secret.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// What cannot be sent is lost: traces are for looking at, and nothing waits for them.
async fn send(endpoint: String, service: String, mut spans: Receiver<Value>) {
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let uri = format!("{}/v1/traces", endpoint.trim_end_matches('/'));
    let mut batch = Vec::new();
    while spans.recv_many(&mut batch, AT_ONCE).await > 0 {
        let export = json!({ "resourceSpans": [{
            "resource": { "attributes": [attribute("service.name", &service)] },
            "scopeSpans": [{ "spans": std::mem::take(&mut batch) }],
        }] });
        let request = axum::http::Request::post(&uri)
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(export.to_string())));
        if let Ok(request) = request {
            let sending = async {
                let answer = client.request(request).await?;
                // Read to its end, so that the connection can be used again.
                let _ = answer.into_body().collect().await;
                Ok::<_, hyper_util::client::legacy::Error>(())
            };
            let _ = tokio::time::timeout(PATIENCE, sending).await;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callers_context_is_taken_and_nothing_else() {
        let given = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("traceparent", text.parse().expect("a header"));
            context(&headers)
        };
        let (trace, span) = ("7c1e5a90d2b84f3fa6e1b0c94d27f8a3", "00f067aa0ba902b7");
        let taken = given(&format!("00-{trace}-{span}-01")).expect("a context");
        assert_eq!(taken, (trace.to_owned(), span.to_owned()));
        assert_eq!(given("00-short-00f067aa0ba902b7-01"), None);
        assert_eq!(given("rubbish"), None);
        assert_eq!(shape("/orders/39/ship"), "/orders/{id}/ship");
        assert_ne!(random(), random());
    }
}
