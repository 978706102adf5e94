//! Spans as OpenTelemetry's programs send them: OTLP in its JSON form, read leniently.
//!
//! Only what a page shows is kept, cut to a length that cannot fill the memory: names, times, and a
//! few attributes. Values of statements and bodies are not among them.

use serde::Deserialize;
use serde_json::Value;

/// Longer names are cut.
const MOST_CHARS: usize = 120;

/// One span, as it came.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Received {
    pub(crate) trace: String,
    pub(crate) id: String,
    pub(crate) parent: String,
    pub(crate) service: String,
    pub(crate) name: String,
    pub(crate) detail: String,
    pub(crate) about: String,
    pub(crate) saga: String,
    /// The kind of an event and its key, where the span is an event's way.
    pub(crate) event: String,
    pub(crate) kind: Side,
    /// Microseconds since 1970.
    pub(crate) from: u64,
    pub(crate) to: u64,
    /// The status of an HTTP answer.
    pub(crate) status: String,
    pub(crate) failed: bool,
}

/// Which side of a call it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Side {
    #[default]
    Inside,
    Server,
    Client,
    /// What takes an event.
    Consumer,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Export {
    #[serde(default)]
    resource_spans: Vec<ResourceSpans>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResourceSpans {
    #[serde(default)]
    resource: Resource,
    #[serde(default)]
    scope_spans: Vec<ScopeSpans>,
}

#[derive(Default, Deserialize)]
struct Resource {
    #[serde(default)]
    attributes: Vec<Attribute>,
}

#[derive(Deserialize)]
struct ScopeSpans {
    #[serde(default)]
    spans: Vec<Sent>,
}

#[derive(Deserialize)]
struct Attribute {
    #[serde(default)]
    key: String,
    #[serde(default)]
    value: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sent {
    #[serde(default)]
    trace_id: String,
    #[serde(default)]
    span_id: String,
    #[serde(default)]
    parent_span_id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    kind: Value,
    #[serde(default)]
    start_time_unix_nano: Value,
    #[serde(default)]
    end_time_unix_nano: Value,
    #[serde(default)]
    attributes: Vec<Attribute>,
    #[serde(default)]
    status: Value,
}

/// The spans of an export; what is no span is left out.
pub(crate) fn read(body: &[u8]) -> Result<Vec<Received>, serde_json::Error> {
    let export: Export = serde_json::from_slice(body)?;
    let mut all = Vec::new();
    for part in export.resource_spans {
        let service = text(&part.resource.attributes, "service.name");
        let spans = part.scope_spans.into_iter().flat_map(|own| own.spans);
        all.extend(spans.filter_map(|own| received(&service, &own)));
    }
    Ok(all)
}

fn received(service: &str, own: &Sent) -> Option<Received> {
    let (from, to) = (
        micros(&own.start_time_unix_nano)?,
        micros(&own.end_time_unix_nano)?,
    );
    if !is_id(&own.trace_id, 32) || !is_id(&own.span_id, 16) {
        return None;
    }
    let status = text(&own.attributes, "http.response.status_code");
    let code = &own.status["code"];
    Some(Received {
        trace: own.trace_id.to_lowercase(),
        id: own.span_id.to_lowercase(),
        parent: own.parent_span_id.to_lowercase(),
        service: cut(service),
        name: cut(&own.name),
        detail: text(&own.attributes, "freehold.detail"),
        about: text(&own.attributes, "freehold.about"),
        saga: text(&own.attributes, "freehold.saga"),
        event: text(&own.attributes, "freehold.event"),
        kind: match &own.kind {
            Value::Number(n) if n.as_u64() == Some(2) => Side::Server,
            Value::Number(n) if n.as_u64() == Some(3) => Side::Client,
            Value::Number(n) if n.as_u64() == Some(5) => Side::Consumer,
            Value::String(name) if name == "SPAN_KIND_SERVER" => Side::Server,
            Value::String(name) if name == "SPAN_KIND_CLIENT" => Side::Client,
            Value::String(name) if name == "SPAN_KIND_CONSUMER" => Side::Consumer,
            _ => Side::Inside,
        },
        from,
        to: to.max(from),
        failed: code.as_u64() == Some(2) || code == "STATUS_CODE_ERROR" || status.starts_with('5'),
        status,
    })
}

fn is_id(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|own| own.is_ascii_hexdigit())
}

/// Nanoseconds as a number or, as the form has it, as text.
fn micros(value: &Value) -> Option<u64> {
    let nanos = match value {
        Value::String(text) => text.parse().ok(),
        other => other.as_u64(),
    };
    nanos.map(|own: u64| own / 1000)
}

fn text(all: &[Attribute], key: &str) -> String {
    let found = all.iter().find(|own| own.key == key);
    let value = found.map(|own| &own.value);
    let said = value.and_then(|own| match (&own["stringValue"], &own["intValue"]) {
        (Value::String(text), _) | (_, Value::String(text)) => Some(text.clone()),
        (_, Value::Number(number)) => Some(number.to_string()),
        _ => None,
    });
    cut(&said.unwrap_or_default())
}

fn cut(text: &str) -> String {
    text.chars()
        .filter(|own| !own.is_control())
        .take(MOST_CHARS)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_is_read_and_what_is_none_is_left_out() {
        let body = br#"{"resourceSpans": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "orders"}}]},
            "scopeSpans": [{"spans": [
              {"traceId": "7C1E5A90D2B84F3FA6E1B0C94D27F8A3", "spanId": "00000000000000aa", "name": "POST /orders", "kind": 2,
               "startTimeUnixNano": "1000000", "endTimeUnixNano": 9000000, "status": {"code": 2},
               "attributes": [{"key": "http.response.status_code", "value": {"intValue": "503"}}, {"key": "secret", "value": {"stringValue": "x"}}]},
              {"traceId": "short", "spanId": "00000000000000ab", "startTimeUnixNano": "1", "endTimeUnixNano": "2"}]}]}]}"#;
        let read = read(body).expect("an export");
        assert_eq!(read.len(), 1);
        let own = &read[0];
        assert_eq!(own.trace, "7c1e5a90d2b84f3fa6e1b0c94d27f8a3");
        assert_eq!((own.service.as_str(), own.kind), ("orders", Side::Server));
        assert_eq!(
            (own.from, own.to, own.status.as_str(), own.failed),
            (1000, 9000, "503", true)
        );
    }

    #[test]
    fn what_is_no_export_is_none() {
        assert!(read(b"{").is_err());
        assert!(read(b"{\"resourceSpans\": 3}").is_err());
        assert!(read(b"{}").expect("empty").is_empty());
        let long = "x".repeat(MOST_CHARS * 2);
        assert_eq!(cut(&long).len(), MOST_CHARS);
    }
}
