//! Whoever uses the shop: HTTP with JSON to any of its services, timed.

use std::time::Duration;

use axum::http::{Method, Request};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(10);

/// A browser, so to speak.
#[derive(Clone)]
pub(super) struct Customer {
    client: Client<HttpConnector, Full<Bytes>>,
}

/// Status and body; `None`: no answer.
pub(super) type Answer = Option<(u16, Value)>;

impl Customer {
    pub(super) fn new() -> Self {
        Self {
            client: Client::builder(TokioExecutor::new()).build_http(),
        }
    }

    pub(super) async fn get(&self, service: &str, path: &str) -> Answer {
        self.ask(Method::GET, service, path, &Value::Null).await
    }

    pub(super) async fn post(&self, service: &str, path: &str, body: &Value) -> Answer {
        self.ask(Method::POST, service, path, body).await
    }

    pub(super) async fn put(&self, service: &str, path: &str, body: &Value) -> Answer {
        self.ask(Method::PUT, service, path, body).await
    }

    async fn ask(&self, method: Method, service: &str, path: &str, body: &Value) -> Answer {
        let base = std::env::var(format!("{}_URL", service.to_uppercase())).unwrap_or_default();
        let request = Request::builder()
            .method(method)
            .uri(format!("{base}{path}"))
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(body.to_string())))
            .ok()?;
        let ask = async {
            let response = self.client.request(request).await.ok()?;
            let status = response.status().as_u16();
            let body = response.into_body().collect().await.ok()?.to_bytes();
            Some((status, serde_json::from_slice(&body).unwrap_or_default()))
        };
        tokio::time::timeout(PATIENCE, ask).await.ok().flatten()
    }
}
