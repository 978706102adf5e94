//! Another service's API: a GET with a time-out and a circuit breaker.

use std::time::Duration;

use axum::http::{Request, StatusCode};
use bytes::Bytes;
use freehold::{Answer, Fallback, Limits, Miss};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use crate::trace;

/// Longer answers are not ours.
const BODY_BYTES: usize = 1 << 20;

/// One other service, asked for one kind of thing.
pub(crate) struct Peer {
    name: &'static str,
    base: String,
    client: Client<HttpConnector, Empty<Bytes>>,
    fallback: Fallback<i64>,
}

impl Peer {
    /// Where it is comes from `NAME_URL`. `absent_for`: how long "not there" is believed.
    pub(crate) fn new(name: &'static str, absent_for: Duration) -> Self {
        let variable = format!("{}_URL", name.to_uppercase());
        Self {
            name,
            base: std::env::var(variable).unwrap_or_default(),
            client: Client::builder(TokioExecutor::new()).build_http(),
            fallback: Fallback::new(Limits {
                absent_for,
                ..Limits::default()
            }),
        }
    }

    /// `GET base/path`, remembered under `id` when it is not there.
    pub(crate) async fn get(&self, id: i64, path: &str) -> Result<Answer<Value>, String> {
        let asked = self.fallback.ask(&id, || self.ask(path)).await;
        asked.map_err(|miss| match miss {
            Miss::Failed(why) => format!("{} does not answer: {why}", self.name),
            other => format!("{}: {other}", self.name),
        })
    }

    async fn ask(&self, path: &str) -> Result<Option<Value>, String> {
        let mut request = Request::get(format!("{}{path}", self.base));
        let sent = trace::sent(format!("GET {}", self.name));
        if let Some(sent) = &sent {
            request = request.header("traceparent", sent.header());
        }
        let request = request.body(Empty::new());
        let request = request.map_err(|error| error.to_string())?;
        let response = self.client.request(request).await;
        if let Some(sent) = sent {
            sent.done(response.is_ok());
        }
        let response = response.map_err(|error| error.to_string())?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            other => return Err(other.to_string()),
        }
        let body = Limited::new(response.into_body(), BODY_BYTES)
            .collect()
            .await;
        let body = body.map_err(|error| error.to_string())?.to_bytes();
        serde_json::from_slice(&body)
            .map(Some)
            .map_err(|error| error.to_string())
    }
}
