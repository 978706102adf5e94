//! Actions: only with the operator's token, only from our own pages or from no page, each once.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use freehold_model::Fault;

use super::{Shared, answer, token, wall};
use crate::source::Action;

/// The longest key of a request.
const KEY_LENGTH: usize = 128;

/// Who may send something: from our own pages or from no page, with the token, as JSON.
pub(super) fn admitted(
    shared: &Shared,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Bytes, Box<Response>> {
    let refuse = |status, fault: Fault| Err(Box::new(answer::refuse(status, &fault, true)));
    if !wall::is_own_origin(headers, &shared.options.hosts) {
        let fault = Fault::new(
            "FH4001",
            "an action was sent by a page that is not of this console",
        );
        return refuse(StatusCode::FORBIDDEN, fault);
    }
    if !token::is_operator(headers, shared.options.token.as_ref()) {
        return refuse(StatusCode::FORBIDDEN, token::not_operator());
    }
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|own| own.to_str().ok());
    if kind.is_none_or(|own| own.split(';').next().unwrap_or_default().trim() != "application/json")
    {
        let fault = Fault::new("FH4004", "an action is sent as application/json");
        return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, fault);
    }
    body.or_else(|_| {
        refuse(
            StatusCode::PAYLOAD_TOO_LARGE,
            Fault::new("FH4004", "the action is longer than 16 KiB"),
        )
    })
}

pub(super) async fn act(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let body = match admitted(&shared, &headers, body) {
        Ok(body) => body,
        Err(refused) => return *refused,
    };
    let refuse = |status, fault: Fault| answer::refuse(status, &fault, true);
    let key = headers
        .get("idempotency-key")
        .and_then(|own| own.to_str().ok());
    let Some(key) = key.filter(|own| (8..=KEY_LENGTH).contains(&own.len())) else {
        let fault = Fault::new(
            "FH4004",
            "an action needs an idempotency-key of 8 to 128 characters",
        )
        .help("send the same key with the same action again and it is done once");
        return refuse(StatusCode::BAD_REQUEST, fault);
    };
    let action: Action = match serde_json::from_slice(&body) {
        Ok(action) => action,
        Err(error) => {
            let fault = Fault::new("FH4004", format!("this is no action: {error}"))
                .help("see /api/v1/openapi.json");
            return refuse(StatusCode::BAD_REQUEST, fault);
        }
    };
    match shared.source.act(action, key.to_owned()).await {
        Ok(acted) => (
            [(header::CONTENT_TYPE, "application/json")],
            serde_json::json!({ "said": acted.said }).to_string(),
        )
            .into_response(),
        Err(fault) => refuse(StatusCode::CONFLICT, fault),
    }
}

pub(super) async fn only_post() -> Response {
    let fault = Fault::new("FH4004", "this is sent by POST");
    let mut response = answer::refuse(StatusCode::METHOD_NOT_ALLOWED, &fault, true);
    response
        .headers_mut()
        .insert(header::ALLOW, HeaderValue::from_static("POST"));
    response
}
