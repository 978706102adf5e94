//! Asking participants over HTTP/1.1, with TLS where their address says so: connections kept, caller
//! signed, replies bounded.
//!
//! Time-outs are the executor's: it drops the future. A reply counts only by its headers
//! ([`crate::wire::reply`]); the status line is for people and proxies alone. [`Door`] hands through
//! what came over the broker.

mod door;
mod line;

pub use door::{Door, Opened};

use std::collections::BTreeMap;

use bytes::Bytes;
use freehold_engine::{BoxFuture, Secret, hex};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::header::{CONTENT_TYPE, HeaderMap};
use hyper::{Request, Uri};
use serde_json::Value;
use sha2::Sha256;

use crate::participants::{Answer, Ask, Participants};
use crate::transition::Kind;
use crate::wire;

use line::Line;

/// A longer reply is none.
const REPLY_BYTES: usize = 1 << 20;

/// Where services answer, and as whom they are asked.
pub struct Http {
    line: Line,
    /// `http://127.0.0.1:8084` or `https://payment.example` by service.
    addresses: BTreeMap<String, String>,
    caller: String,
    /// Participants know the caller by it.
    key: Option<Secret>,
}

impl Http {
    /// Asks as the service `caller`, signing with `key` where there is one.
    pub fn new(
        addresses: BTreeMap<String, String>,
        caller: impl Into<String>,
        key: Option<Secret>,
    ) -> Self {
        Self {
            line: line::open(addresses.values().map(String::as_str)),
            addresses,
            caller: caller.into(),
            key,
        }
    }

    fn request(&self, ask: &Ask) -> Result<Request<Full<Bytes>>, String> {
        let Some(address) = self.addresses.get(&ask.service) else {
            return Err(format!("no address is known of {}", ask.service));
        };
        let uri = format!("{}{}", address.trim_end_matches('/'), ask.path);
        let uri: Uri = uri.parse().map_err(|_| format!("`{uri}` is no address"))?;
        let mut request = Request::builder()
            .method(ask.method.name())
            .uri(uri)
            .header(CONTENT_TYPE, "application/json")
            .header(wire::KEY, &ask.key)
            .header(wire::KIND, wire::kind_name(ask.kind))
            .header(wire::EXPIRES, ask.expires)
            .header(wire::DIGEST, &ask.digest)
            .header(wire::CALLER, &self.caller);
        if let Some(context) = ask.context() {
            request = request.header(wire::TRACEPARENT, context.header());
        }
        if let Some(key) = &self.key {
            request = request.header(wire::SIGNATURE, sign(key, &self.caller, ask));
        }
        let body = Bytes::from(ask.body.clone());
        request
            .body(Full::new(body))
            .map_err(|error| error.to_string())
    }
}

pub(crate) fn sign(key: &Secret, caller: &str, ask: &Ask) -> String {
    signature(
        key.expose().as_bytes(),
        &wire::signed_text(
            caller,
            ask.method.name(),
            &ask.path,
            &ask.key,
            ask.expires,
            &ask.digest,
        ),
    )
}

/// The signature of a text, in hexadecimal digits; also for participants, who compare.
pub fn signature(key: &[u8], text: &str) -> String {
    // HMAC takes keys of every length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return String::new();
    };
    mac.update(text.as_bytes());
    hex(&mac.finalize().into_bytes())
}

impl Participants for Http {
    fn ask(&self, ask: Ask) -> BoxFuture<'static, Answer> {
        let request = self.request(&ask);
        let line = self.line.clone();
        Box::pin(async move {
            let request = match request {
                Ok(request) => request,
                Err(why) => return Answer::Nothing(why),
            };
            let response = match line.request(request).await {
                Ok(response) => response,
                Err(error) => return Answer::Nothing(reason(&error)),
            };
            let (head, body) = response.into_parts();
            let body = match Limited::new(body, REPLY_BYTES).collect().await {
                Ok(body) => body.to_bytes(),
                Err(error) => return Answer::Nothing(format!("the reply broke off: {error}")),
            };
            let said = wire::reply(&ask.key, |name| header(&head.headers, name));
            let Some(replied) = said else {
                let what = if ask.kind == Kind::Status {
                    "a status"
                } else {
                    "an outcome"
                };
                return Answer::Nothing(format!(
                    "{} without this request's key and {what}: it says nothing",
                    head.status
                ));
            };
            if body.is_empty() {
                return Answer::Said(replied.said, Value::Object(serde_json::Map::new()));
            }
            match serde_json::from_slice(&body) {
                Ok(value) => Answer::Said(replied.said, value),
                Err(error) => Answer::Nothing(format!("the reply is no JSON: {error}")),
            }
        })
    }
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// The innermost cause says it best.
fn reason(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}
