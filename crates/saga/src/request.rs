//! What is asked of a participant: an HTTP request, on its own or as a command over the broker; or a
//! nested saga.
//!
//! Made by [`crate::read`]; evaluated once, when its step is enabled, and then stored.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::expression::{Expression, Failure, Names};
use crate::participants::Way;
use crate::template::Template;

/// A request of a definition.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    pub to: Target,
    pub body: Template,
}

/// Whom it goes to.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    /// An HTTP request of the service's program, sent there or carried by the broker.
    Http {
        way: Way,
        method: Method,
        /// A service of the system; its address is known where it runs.
        service: String,
        path: Vec<PathPart>,
    },
    Saga {
        name: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    pub const ALL: [Self; 5] = [Self::Get, Self::Post, Self::Put, Self::Patch, Self::Delete];

    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// Of a path and its query.
#[derive(Debug, Clone, PartialEq)]
pub enum PathPart {
    Text(String),
    /// Percent-encoded whole: a `/` in a value does not make a new segment.
    Expression(Expression),
}

/// A request with its values, as it is stored and sent, however often.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluated {
    /// The path of a request, the name of a saga.
    pub to: String,
    pub body: Value,
}

/// What needs no encoding within a segment.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

impl Request {
    /// The saga that it starts.
    pub fn saga(&self) -> Option<&str> {
        match &self.to {
            Target::Saga { name } => Some(name),
            Target::Http { .. } => None,
        }
    }

    /// The service that it calls.
    pub fn service(&self) -> Option<&str> {
        match &self.to {
            Target::Http { service, .. } => Some(service),
            Target::Saga { .. } => None,
        }
    }

    /// The request for these values of the names; a failure names the expression.
    pub fn evaluate(&self, names: Names<'_>) -> Result<Evaluated, (String, Failure)> {
        let to = match &self.to {
            Target::Saga { name } => name.clone(),
            Target::Http { path, .. } => {
                let mut to = String::new();
                for part in path {
                    match part {
                        PathPart::Text(text) => to.push_str(text),
                        PathPart::Expression(expression) => {
                            to.push_str(&segment(expression, names)?);
                        }
                    }
                }
                to
            }
        };
        Ok(Evaluated {
            to,
            body: self.body.evaluate(names)?,
        })
    }
}

fn segment(expression: &Expression, names: Names<'_>) -> Result<String, (String, Failure)> {
    let failed = |failure| (expression.source().to_owned(), failure);
    let text = match expression.evaluate(names).map_err(failed)? {
        Value::String(text) => text,
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    };
    // `.` and `..` would change the path, and nothing would name another resource.
    if matches!(text.as_str(), "" | "." | "..") {
        return Err(failed(Failure {
            at: 0,
            message: "this cannot stand in a path".into(),
        }));
    }
    Ok(utf8_percent_encode(&text, SEGMENT).to_string())
}

/// What a target's text is made of, before its expressions are compiled.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RawHttp<'a> {
    pub(crate) method: &'a str,
    pub(crate) service: &'a str,
    /// Text and expression by turns, text first.
    pub(crate) path: Vec<&'a str>,
}

/// `POST ${service}/path/{expression}`, or what is wrong with it.
pub(crate) fn parse_http(text: &str) -> Result<RawHttp<'_>, &'static str> {
    let (method, rest) = text
        .split_once(' ')
        .ok_or("it is `METHOD ${service}/path`")?;
    let rest = rest.trim_start();
    let rest = rest
        .strip_prefix("${")
        .ok_or("behind the method stands the service: `${payment}`")?;
    let (service, path) = rest.split_once('}').ok_or("`${` has no closing `}`")?;
    if !path.starts_with('/') {
        return Err("the path begins with `/`, right behind the service");
    }
    if path.contains(|c: char| c.is_whitespace() || c.is_control()) && !path.contains('{') {
        return Err("a path has no white space");
    }
    let mut parts = Vec::new();
    let mut rest = path;
    while let Some(open) = rest.find('{') {
        let close = closing(&rest[open..]).ok_or("`{` has no closing `}`")?;
        parts.push(&rest[..open]);
        parts.push(&rest[open + 1..open + close]);
        rest = &rest[open + close + 1..];
    }
    parts.push(rest);
    let texts = parts.iter().step_by(2);
    if texts.clone().any(|text| text.contains(char::is_whitespace)) {
        return Err("a path has no white space");
    }
    Ok(RawHttp {
        method,
        service,
        path: parts,
    })
}

/// Where the bracket that `text` begins with is closed: quotes and further brackets count.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            (None, '{') => depth += 1,
            (None, '}') => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_taken_apart() {
        let raw = parse_http("POST ${orders}/o/{ {'a': '}'}['a'] }/x?y={b}").expect("it is one");
        assert_eq!((raw.method, raw.service), ("POST", "orders"));
        assert_eq!(raw.path, ["/o/", " {'a': '}'}['a'] ", "/x?y=", "b", ""]);
        for text in [
            "POST",
            "POST /x",
            "POST ${a",
            "POST ${a}x",
            "POST ${a}/x y",
            "GET ${a}/{x",
            "GET ${a}/{x} y",
        ] {
            assert!(parse_http(text).is_err(), "{text}");
        }
    }
}
