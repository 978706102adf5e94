//! Addresses within the console: one place that knows how they are written.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

const KEPT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// `/services/orders`: a noun and the name of one of its kind.
pub(crate) fn one(noun: &str, name: &str) -> String {
    format!("/{noun}/{}", utf8_percent_encode(name, KEPT))
}

/// One value of an address, whatever it holds.
pub(crate) fn part(value: &str) -> String {
    utf8_percent_encode(value, KEPT).to_string()
}

/// `/logs?service=orders`
pub(crate) fn with(path: &str, key: &str, value: &str) -> String {
    format!("{path}?{key}={}", utf8_percent_encode(value, KEPT))
}

/// The last characters of an id, behind a `…`; the whole stands in the link.
pub(crate) fn short(id: &str) -> String {
    let n = id.chars().count();
    if n <= 10 {
        return id.to_owned();
    }
    format!("…{}", id.chars().skip(n - 4).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_their_segment() {
        assert_eq!(one("services", "../a?b"), "/services/..%2Fa%3Fb");
        assert_eq!(with("/logs", "service", "a&b"), "/logs?service=a%26b");
        assert_eq!(short("01JD4Y2W2AFK6SY9541SJ3EQHB"), "…EQHB");
    }
}
