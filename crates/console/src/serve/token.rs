//! The operator's token: who has it may act.
//!
//! A browser gets it once by its address and keeps it as a cookie that no script can read and no
//! other site can send; a program sends it as a bearer.

use std::fmt;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use freehold_model::Fault;
use sha2::{Digest, Sha256};

use super::{Shared, answer};

const COOKIE: &str = "freehold_operator";

/// A token. Only its digest is kept.
#[derive(Clone)]
pub struct Token([u8; 32]);

impl Token {
    /// Of a text that whoever started the console was shown, at least 128 bits of randomness.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }

    /// Digests are compared, so that the time taken says nothing of the token.
    fn is(&self, text: &str) -> bool {
        self.0 == Self::new(text).0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Does this request carry the token?
pub(super) fn is_operator(headers: &HeaderMap, token: Option<&Token>) -> bool {
    let Some(token) = token else { return false };
    let bearer = headers
        .get(header::AUTHORIZATION)
        .and_then(|own| own.to_str().ok()?.strip_prefix("Bearer "));
    let cookies = headers.get_all(header::COOKIE).iter();
    let cookie = cookies
        .filter_map(|own| own.to_str().ok())
        .flat_map(|own| own.split(';'))
        .filter_map(|own| own.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE)
        .map(|(_, value)| value);
    bearer.or(cookie).is_some_and(|own| token.is(own))
}

/// `/operator?token=…`: from now on this browser may act. The address is left at once.
pub(super) async fn enter(State(shared): State<Arc<Shared>>, asked: answer::Asked) -> Response {
    let text = asked
        .ok()
        .and_then(|Query(own)| own.get("token").cloned())
        .unwrap_or_default();
    let plain = !text.is_empty()
        && text
            .bytes()
            .all(|own| own.is_ascii_alphanumeric() || b"-_".contains(&own));
    let good = plain
        && shared
            .options
            .token
            .as_ref()
            .is_some_and(|own| own.is(&text));
    let cookie = HeaderValue::from_str(&format!(
        "{COOKIE}={text}; Path=/; HttpOnly; SameSite=Strict"
    ));
    match cookie {
        Ok(cookie) if good => (
            StatusCode::SEE_OTHER,
            [
                (header::LOCATION, HeaderValue::from_static("/")),
                (header::SET_COOKIE, cookie),
            ],
        )
            .into_response(),
        _ => answer::refuse(StatusCode::FORBIDDEN, &not_operator(), false),
    }
}

pub(super) fn not_operator() -> Fault {
    Fault::new("FH4002", "this needs the operator's token").help(
        "a console that was started without one only shows: use the command beside the button",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_and_never_shown() {
        let token = Token::new("s3cret");
        assert_eq!(format!("{token:?}"), "Token(…)");
        let with = |name: &'static str, value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_static(value));
            is_operator(&headers, Some(&token))
        };
        assert!(with("authorization", "Bearer s3cret"));
        assert!(with("cookie", "a=b; freehold_operator=s3cret"));
        assert!(!with("authorization", "Bearer s3cre"));
        assert!(!with("authorization", "s3cret"));
        assert!(!with("cookie", "freehold_operator="));
        assert!(!is_operator(&HeaderMap::new(), None));
    }
}
