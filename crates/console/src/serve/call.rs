//! `/api/v1/calls`: tries an operation of a service, for its operator. Only what a service's own document
//! describes is sent, and only to where that service listens.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use freehold_model::Fault;
use serde::Deserialize;

use super::{Shared, act, answer};
use crate::address;
use crate::moment::{Moment, Operation, Within};
use crate::source::Call;

/// Headers that are the connection's, not the caller's.
const OURS: [&str; 7] = [
    "host",
    "connection",
    "content-length",
    "content-type",
    "transfer-encoding",
    "upgrade",
    "expect",
];

/// What is to be tried.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tried {
    service: String,
    method: String,
    /// As the document writes it: `/orders/{id}`.
    path: String,
    #[serde(default)]
    parameters: BTreeMap<String, String>,
    #[serde(default)]
    body: String,
}

pub(super) async fn call(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let body = match act::admitted(&shared, &headers, body) {
        Ok(body) => body,
        Err(refused) => return *refused,
    };
    let refuse = |status, fault: Fault| answer::refuse(status, &fault, true);
    let tried: Tried = match serde_json::from_slice(&body) {
        Ok(tried) => tried,
        Err(error) => {
            let fault = Fault::new("FH4004", format!("this is no call: {error}"))
                .help("see /api/v1/openapi.json");
            return refuse(StatusCode::BAD_REQUEST, fault);
        }
    };
    let call = match made(tried, &shared.source.moment()) {
        Ok(call) => call,
        Err(fault) if fault.code == "FH4003" => return refuse(StatusCode::NOT_FOUND, fault),
        Err(fault) => return refuse(StatusCode::BAD_REQUEST, fault),
    };
    match shared.source.call(call).await {
        Ok(answered) => (
            [(header::CONTENT_TYPE, "application/json")],
            serde_json::json!(answered).to_string(),
        )
            .into_response(),
        Err(fault) => refuse(StatusCode::CONFLICT, fault),
    }
}

/// The request, if the service's document has it.
fn made(tried: Tried, moment: &Moment) -> Result<Call, Fault> {
    let api = moment
        .service(&tried.service)
        .and_then(|own| own.api.as_ref());
    let operation = api.and_then(|own| own.operation(&tried.method, &tried.path));
    let operation = operation.ok_or_else(|| {
        let (method, path, service) = (&tried.method, &tried.path, &tried.service);
        Fault::new(
            "FH4003",
            format!("the document of `{service}` has no {method} {path}"),
        )
        .help("the page /api has what is described")
    })?;
    let (target, headers) = addressed(operation, &tried.parameters)?;
    Ok(Call {
        service: tried.service,
        method: tried.method,
        target,
        headers,
        body: operation
            .body
            .as_ref()
            .filter(|_| !tried.body.is_empty())
            .map(|own| (own.media.clone(), tried.body)),
    })
}

/// Path, query and headers; every value stays in its place.
fn addressed(
    operation: &Operation,
    given: &BTreeMap<String, String>,
) -> Result<(String, Vec<(String, String)>), Fault> {
    let wrong = |what: String| Fault::new("FH4004", what);
    let (mut path, mut asked, mut headers) = (operation.path.clone(), Vec::new(), Vec::new());
    for own in &operation.parameters {
        let value = given.get(&own.name).map_or("", String::as_str);
        if value.is_empty() {
            if own.required {
                return Err(wrong(format!("`{}` is required", own.name)));
            }
            continue;
        }
        match own.within {
            Within::Path if [".", ".."].contains(&value) => {
                return Err(wrong(format!("`{}` cannot be `{value}`", own.name)));
            }
            Within::Path => {
                path = path.replace(&format!("{{{}}}", own.name), &address::part(value));
            }
            Within::Query => asked.push(format!(
                "{}={}",
                address::part(&own.name),
                address::part(value)
            )),
            Within::Header => {
                let name = own.name.to_ascii_lowercase();
                if OURS.contains(&name.as_str()) || value.contains(|it: char| it.is_control()) {
                    return Err(wrong(format!("`{}` is not sent from here", own.name)));
                }
                headers.push((name, value.to_owned()));
            }
        }
    }
    let target = if asked.is_empty() {
        path
    } else {
        format!("{path}?{}", asked.join("&"))
    };
    if !target.starts_with('/') || target.contains(['{', '}', ' ']) {
        return Err(wrong(format!("`{}` is no path to send to", operation.path)));
    }
    Ok((target, headers))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moment::Parameter;

    fn operation(path: &str) -> Operation {
        let parameter = |name: &str, within, required| Parameter {
            name: name.to_owned(),
            within,
            required,
            ..Parameter::default()
        };
        Operation {
            path: path.to_owned(),
            parameters: vec![
                parameter("id", Within::Path, true),
                parameter("limit", Within::Query, false),
                parameter("Host", Within::Header, false),
                parameter("If-Match", Within::Header, false),
            ],
            ..Operation::default()
        }
    }

    fn sent(path: &str, given: &[(&str, &str)]) -> Result<(String, Vec<(String, String)>), String> {
        let given = given
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        addressed(&operation(path), &given.collect()).map_err(|fault| fault.message)
    }

    #[test]
    fn values_stay_in_their_places() {
        let made = sent(
            "/a/{id}",
            &[("id", "../x?y#z"), ("limit", "1&b=2"), ("If-Match", "v1")],
        );
        let (target, headers) = made.expect("a target");
        assert_eq!(target, "/a/..%2Fx%3Fy%23z?limit=1%26b%3D2");
        assert_eq!(headers, [("if-match".to_owned(), "v1".to_owned())]);
        for (given, why) in [
            (&[][..], "required"),
            (&[("id", "..")], "cannot be"),
            (&[("id", "1"), ("Host", "evil.example")], "not sent"),
            (&[("id", "1"), ("If-Match", "a\r\nX: b")], "not sent"),
        ] {
            let refused = sent("/a/{id}", given);
            assert!(refused.is_err_and(|own| own.contains(why)), "{given:?}");
        }
        assert!(sent("/a/{other}", &[("id", "1")]).is_err());
        assert!(sent("http://evil.example/{id}", &[("id", "1")]).is_err());
    }
}
