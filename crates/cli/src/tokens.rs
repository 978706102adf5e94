//! `/token`: has what a token names come to be seen in this service's store? Asked of the sidecar by
//! the service itself, on this machine's own address; answered when it has, or at the latest when the
//! caller's time is over.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use freehold_events::peer::Open;
use freehold_events::token::{Reached, Token, Waiting};
use freehold_model::Fault;
use serde::Deserialize;
use serde_json::json;

/// Nobody keeps a user waiting for longer.
const LONGEST: Duration = Duration::from_secs(30);

/// The stores of this process that have copies, by service.
#[derive(Default)]
pub(crate) struct Tokens {
    stores: Mutex<BTreeMap<String, Arc<Waiting>>>,
}

/// What is asked.
#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    service: String,
    token: String,
    /// Milliseconds.
    #[serde(default = "a_second")]
    wait: u64,
}

fn a_second() -> u64 {
    1_000
}

impl Tokens {
    /// Answers for this store, too.
    pub(crate) fn attend(&self, service: &str, open: Open) {
        let mut stores = self.stores.lock().unwrap_or_else(PoisonError::into_inner);
        stores.insert(service.to_owned(), Waiting::new(open));
    }

    /// Answers one question.
    pub(crate) async fn answer(self: Arc<Self>, Query(asked): Query<Asked>) -> Response {
        let token = match Token::parse(&asked.token) {
            Ok(token) => token,
            Err(fault) => return said(StatusCode::BAD_REQUEST, &fault),
        };
        let store = {
            let stores = self.stores.lock().unwrap_or_else(PoisonError::into_inner);
            stores.get(&asked.service).cloned()
        };
        let Some(store) = store else {
            let message = format!("no sidecar for copies of `{}` runs here", asked.service);
            let fault = Fault::new("FH3944", message)
                .help("ask the `freehold run` that runs it, and name the service that reads");
            return said(StatusCode::NOT_FOUND, &fault);
        };
        let wait = Duration::from_millis(asked.wait).min(LONGEST);
        let reached = match store.until(&token, wait).await {
            Ok(reached) => reached,
            Err(error) => return said(StatusCode::SERVICE_UNAVAILABLE, &error.fault()),
        };
        let status = match &reached {
            Reached::Yes => StatusCode::OK,
            Reached::Waiting => StatusCode::GATEWAY_TIMEOUT,
            Reached::Parked { .. } => StatusCode::CONFLICT,
            Reached::Skipped { .. } | Reached::Lost { .. } => StatusCode::GONE,
        };
        match reached.fault(&asked.service, wait) {
            Some(fault) => said(status, &fault),
            None => Json(json!({"reached": true})).into_response(),
        }
    }
}

fn said(status: StatusCode, fault: &Fault) -> Response {
    let body = json!({"code": fault.code, "message": fault.message});
    (status, Json(body)).into_response()
}
