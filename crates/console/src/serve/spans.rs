//! `/v1/traces`: where programs of the system leave their spans, in OTLP's JSON form.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use freehold_model::Fault;

use super::{Shared, answer, wall};

pub(super) async fn take(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let refuse = |status, fault: Fault| answer::refuse(status, &fault, true);
    let Some(spans) = &shared.options.spans else {
        let fault = Fault::new("FH4003", "this console takes no traces")
            .help("the console of `freehold up` does");
        return refuse(StatusCode::NOT_FOUND, fault);
    };
    if headers.contains_key(header::ORIGIN) || !wall::is_own_origin(&headers, &[]) {
        let fault = Fault::new("FH4001", "traces are sent by programs, not by pages");
        return refuse(StatusCode::FORBIDDEN, fault);
    }
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|own| own.to_str().ok());
    if kind.is_none_or(|own| own.split(';').next().unwrap_or_default().trim() != "application/json")
    {
        let fault = Fault::new("FH4004", "traces are taken as application/json only")
            .help("set OTEL_EXPORTER_OTLP_PROTOCOL=http/json");
        return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, fault);
    }
    let Ok(body) = body else {
        let fault = Fault::new("FH4004", "this is more than is taken at once");
        return refuse(StatusCode::PAYLOAD_TOO_LARGE, fault);
    };
    match spans.take(&body) {
        Ok(_) => ([(header::CONTENT_TYPE, "application/json")], "{}").into_response(),
        Err(why) => refuse(
            StatusCode::BAD_REQUEST,
            Fault::new("FH4004", format!("these are no traces: {why}")),
        ),
    }
}
