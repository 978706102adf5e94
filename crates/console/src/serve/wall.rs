//! What every request has to pass, and what every answer carries.
//!
//! A page of another origin that a browser was led to under our address (DNS rebinding) names its own
//! host: it is refused before anything is looked at.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use freehold_model::Fault;

use super::{Shared, answer};

/// Everything is our own; nothing is inline, nothing is framed, nothing leaves.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=()",
    ),
];

pub(super) async fn stand(
    State(shared): State<Arc<Shared>>,
    request: Request,
    next: Next,
) -> Response {
    let json = request.uri().path().starts_with("/api/v1/");
    let mut response = if is_ours(
        request.headers(),
        request.uri().host(),
        &shared.options.hosts,
    ) {
        next.run(request).await
    } else {
        let fault = Fault::new(
            "FH4001",
            "this console was asked for under a name that is not its own",
        )
        .help(
            "open it as http://127.0.0.1 or localhost with its port, or start it with --host NAME",
        );
        answer::refuse(StatusCode::MISDIRECTED_REQUEST, &fault, json)
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // What a system is like is nobody's cache's business; assets say otherwise themselves.
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Is every name by which it was asked for one of its own?
fn is_ours(headers: &HeaderMap, target: Option<&str>, hosts: &[String]) -> bool {
    let mut asked = headers
        .get_all(header::HOST)
        .iter()
        .map(|own| own.to_str().unwrap_or("?"));
    let (Some(host), None) = (asked.next(), asked.next()) else {
        return false;
    };
    is_own_name(host, hosts) && target.is_none_or(|own| is_own_name(own, hosts))
}

/// A host with or without its port.
fn is_own_name(host: &str, hosts: &[String]) -> bool {
    let name = if host.starts_with('[') {
        match host.split_once(']') {
            Some((name, _)) => &host[..=name.len()],
            None => host,
        }
    } else {
        host.rsplit_once(':').map_or(host, |(name, _)| name)
    };
    let own = ["localhost", "127.0.0.1", "[::1]"];
    let mut all = own.into_iter().chain(hosts.iter().map(String::as_str));
    all.any(|own| own.eq_ignore_ascii_case(name))
}

/// Does a request that writes come from a page of ours, or from no page at all?
pub(super) fn is_own_origin(headers: &HeaderMap, hosts: &[String]) -> bool {
    let same_site = headers
        .get("sec-fetch-site")
        .is_none_or(|own| own == "same-origin" || own == "none");
    let origin = headers.get(header::ORIGIN).is_none_or(|own| {
        let host = headers
            .get(header::HOST)
            .and_then(|own| own.to_str().ok())
            .unwrap_or_default();
        own.to_str()
            .ok()
            .and_then(|own| own.split_once("://"))
            .is_some_and(|(_, own)| own == host && is_own_name(own, hosts))
    });
    same_site && origin
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_own_names() {
        let more = vec!["console.lan".to_owned()];
        for own in [
            "localhost:4100",
            "LOCALHOST",
            "127.0.0.1:1",
            "[::1]:4100",
            "[::1]",
            "console.lan:4100",
        ] {
            assert!(is_own_name(own, &more), "{own}");
        }
        for other in [
            "evil.example",
            "127.0.0.1.evil.example:4100",
            "localhost.evil.example",
            "",
            ":",
            "[::1",
            "127.0.0.1@evil.example",
            "127.0.0.2",
        ] {
            assert!(!is_own_name(other, &more), "{other}");
        }
    }

    #[test]
    fn a_foreign_page_may_not_write() {
        let with = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, HeaderValue::from_static(value));
            }
            is_own_origin(&headers, &[])
        };
        assert!(with(&[("host", "localhost:1")]));
        assert!(with(&[
            ("host", "localhost:1"),
            ("origin", "http://localhost:1"),
            ("sec-fetch-site", "same-origin")
        ]));
        assert!(!with(&[
            ("host", "localhost:1"),
            ("origin", "http://localhost:2")
        ]));
        assert!(!with(&[("host", "localhost:1"), ("origin", "null")]));
        assert!(!with(&[
            ("host", "localhost:1"),
            ("sec-fetch-site", "same-site")
        ]));
    }
}
