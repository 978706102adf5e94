//! What a comment in a statement says about who sent it and from where.
//!
//! Owns the forms that tools write: `key='value'` (sqlcommenter), `key:value` (marginalia), and a
//! place in code standing alone. Anything else in a comment is prose, and kept as such.

use freehold_sql::Dialect;
use freehold_sql::lexer::{Lexer, TokenKind};

use super::report::Spot;

/// What was said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) application: Option<String>,
    pub(crate) spot: Option<Spot>,
    pub(crate) about: Option<String>,
}

const APPLICATION: &[&str] = &[
    "application",
    "app",
    "app_name",
    "application_name",
    "service",
    "service_name",
    "program",
];
const FILE: &[&str] = &[
    "file",
    "filepath",
    "source",
    "code.filepath",
    "source_location",
];
const LINE: &[&str] = &["line", "lineno", "code.lineno"];
const ABOUT: &[&str] = &["about", "route", "action"];

/// Reads all comments of a statement.
pub(crate) fn read(dialect: Dialect, text: &str) -> Said {
    let mut said = Said::default();
    if !text.contains("/*") && !text.contains("--") && !text.contains('#') {
        return said;
    }
    for token in Lexer::new(dialect, text) {
        if token.kind == TokenKind::Comment {
            let inner = token
                .text(text)
                .trim_start_matches(['/', '*', '-', '#', ' ']);
            one(inner.trim_end_matches(['/', '*', ' ', '\n']), &mut said);
        }
    }
    said
}

fn one(text: &str, said: &mut Said) {
    let mut prose = Vec::new();
    let mut line = None;
    for word in text
        .split([' ', ',', '\n', '\t'])
        .filter(|word| !word.is_empty())
    {
        if let Some((key, value)) = pair(word) {
            let key = key.to_ascii_lowercase();
            let is = |list: &[&str]| list.contains(&key.as_str());
            if is(APPLICATION) {
                said.application.get_or_insert(value);
                continue;
            }
            if is(FILE) {
                said.spot = said.spot.take().or_else(|| spot(&value, true));
                continue;
            }
            if is(LINE) {
                line = value.parse().ok();
                continue;
            }
            if is(ABOUT) {
                said.about.get_or_insert(value);
                continue;
            }
        }
        match spot(word, false) {
            Some(found) if said.spot.is_none() => said.spot = Some(found),
            _ if pair(word).is_none() => prose.push(word),
            _ => {}
        }
    }
    if let (Some(spot), Some(_)) = (&mut said.spot, line) {
        spot.line = spot.line.or(line);
    }
    if !prose.is_empty() && said.about.is_none() {
        said.about = Some(prose.join(" "));
    }
}

/// `key='value'` with percent signs, `key=value`, `key:value`.
fn pair(word: &str) -> Option<(&str, String)> {
    let at = word.find(['=', ':'])?;
    let (key, value) = (&word[..at], &word[at + 1..]);
    let is_key = !key.is_empty()
        && key
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
        && !key.contains('.') | key.starts_with("code.");
    let value = value.trim_matches(['\'', '"', ';']);
    (is_key && !value.is_empty()).then(|| (key, decoded(value)))
}

fn decoded(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = tail
            .get(..2)
            .and_then(|two| std::str::from_utf8(two).ok())
            .and_then(|two| u8::from_str_radix(two, 16).ok());
        if let (b'%', Some(byte)) = (first, hex) {
            bytes.push(byte);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `web/src/orders/report.ts:22`. `sure`: it was called a file, so that it needs no slash.
fn spot(word: &str, sure: bool) -> Option<Spot> {
    let word = word.trim_matches(['(', ')', ';', '\'', '"']);
    let (file, line) = match word.rsplit_once(':') {
        Some((file, line)) if line.bytes().all(|b| b.is_ascii_digit()) => (file, line.parse().ok()),
        _ => (word, None),
    };
    let name = file.rsplit('/').next()?;
    let has_ending = name.rsplit_once('.').is_some_and(|(stem, ending)| {
        !stem.is_empty()
            && (1..=5).contains(&ending.len())
            && ending.chars().all(|c| c.is_ascii_alphanumeric())
    });
    let is_place = has_ending && (file.contains('/') || line.is_some() || sure);
    is_place.then(|| Spot {
        file: file.replace('\\', "/"),
        line,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> (Option<String>, Option<String>, Option<String>) {
        let said = read(Dialect::Postgres, text);
        let spot = said.spot.map(|spot| match spot.line {
            Some(line) => format!("{}:{line}", spot.file),
            None => spot.file,
        });
        (said.application, spot, said.about)
    }

    #[expect(clippy::unnecessary_wraps, reason = "as it is compared")]
    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn the_forms_of_tools() {
        assert_eq!(
            said("SELECT 1 /*application='check%20out',route='%2Forders',traceparent='00-1'*/"),
            (some("check out"), None, some("/orders"))
        );
        assert_eq!(
            said("SELECT 1 /*application:Shop,controller:orders,line:12,file:app/models/a.rb*/"),
            (some("Shop"), some("app/models/a.rb:12"), None)
        );
        assert_eq!(
            said("/* web/src/orders/report.ts:22 titles on the order page */ SELECT 1"),
            (
                None,
                some("web/src/orders/report.ts:22"),
                some("titles on the order page")
            )
        );
        assert_eq!(said("-- nightly\nSELECT 1"), (None, None, some("nightly")));
        assert_eq!(said("SELECT '/* app=x */' , $1"), (None, None, None));
    }
}
