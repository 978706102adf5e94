//! A request's answer: a page, JSON, or a refusal in the form that was asked for.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use freehold_model::Fault;
use percent_encoding::percent_decode_str;
use serde_json::json;

use super::{Shared, asset, json as api, token};
use crate::page;

pub(super) type Asked = Result<Query<BTreeMap<String, String>>, QueryRejection>;

pub(super) async fn page(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    asked: Asked,
) -> Response {
    if method != Method::GET && method != Method::HEAD {
        return only_get().await;
    }
    let writes = token::is_operator(&headers, shared.options.token.as_ref());
    let setting = asset::setting(writes);
    let asked = asked.map(|Query(own)| own).unwrap_or_default();
    let moment = shared.source.moment();
    let made = decoded(uri.path()).and_then(|path| page::at(&path, &asked, &moment, &setting));
    match made {
        Some(page) => {
            let status = if page.found {
                StatusCode::OK
            } else {
                StatusCode::NOT_FOUND
            };
            (status, Html(page::document(&page, &moment, &setting))).into_response()
        }
        None => refuse(StatusCode::NOT_FOUND, &no_page(), false),
    }
}

pub(super) async fn json(State(shared): State<Arc<Shared>>, uri: Uri, asked: Asked) -> Response {
    let asked = asked.map(|Query(own)| own).unwrap_or_default();
    let moment = shared.source.moment();
    let path = uri.path().strip_prefix("/api/v1/").and_then(decoded);
    let found = path.and_then(|path| api::found(&path, &asked, &moment));
    match found {
        Some(value) => (
            [(header::CONTENT_TYPE, "application/json")],
            value.to_string(),
        )
            .into_response(),
        None => refuse(StatusCode::NOT_FOUND, &no_page(), true),
    }
}

fn decoded(path: &str) -> Option<String> {
    let text = percent_decode_str(path).decode_utf8().ok()?;
    Some(text.into_owned())
}

fn no_page() -> Fault {
    Fault::new("FH4003", "there is no such page").help("the map has everything; `/` finds it")
}

pub(super) async fn only_get() -> Response {
    let fault = Fault::new("FH4004", "this address can only be read");
    let mut response = refuse(StatusCode::METHOD_NOT_ALLOWED, &fault, true);
    response.headers_mut().insert(
        header::ALLOW,
        axum::http::HeaderValue::from_static("GET, HEAD"),
    );
    response
}

/// What is wrong and what to do, as a page or as JSON.
pub(super) fn refuse(status: StatusCode, fault: &Fault, as_json: bool) -> Response {
    if as_json {
        let body = json!({ "code": fault.code, "message": fault.message, "help": fault.help });
        (
            status,
            [(header::CONTENT_TYPE, "application/json")],
            body.to_string(),
        )
            .into_response()
    } else {
        (status, Html(page::trouble(fault, &asset::setting(false)))).into_response()
    }
}
