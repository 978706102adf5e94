//! Names of tables as they stand in a text: quoted or not, with qualifiers, links and holes.

use std::ops::Range;

use super::{HOLE, ObjectName, words};
use crate::Dialect;
use crate::facts::reader::ident;
use crate::lexer::TokenKind;
use crate::seen::Seen;

/// What stands where a table's name belongs.
#[derive(Debug)]
pub(super) enum Named {
    Table(ObjectName, Range<usize>),
    /// Part of it is only known at run time.
    Hole(Range<usize>),
    /// `@variable`, `#temporary`: nobody's table.
    Local,
    /// A keyword, a literal, the end: no name.
    Nothing,
}

/// Reads the name at `at`; gives the token behind it.
pub(super) fn read(dialect: Dialect, tokens: &[Seen], at: usize) -> (Named, usize) {
    let Some(first) = tokens.get(at) else {
        return (Named::Nothing, at);
    };
    if let Some(end) = placeholder(tokens, at) {
        // `{schema}.orders`: the table is known all the same.
        if tokens.get(end).is_some_and(|seen| seen.is_symbol("."))
            && let (Named::Table(mut name, span), after) = read(dialect, tokens, end + 1)
        {
            name.parts.insert(0, String::new());
            return (Named::Table(name, span), after);
        }
        return (
            Named::Hole(first.token.start..tokens[end - 1].token.end),
            skip_qualified(tokens, end),
        );
    }
    if first.is_symbol("@") || first.is_symbol("#") || first.is_symbol("##") {
        return (Named::Local, at + 2);
    }
    // Entities of mappers are called Order and Group without quotes.
    let entity = first.is_any(&["ORDER", "GROUP"])
        && tokens
            .get(at + 1)
            .is_some_and(|next| next.token.kind == TokenKind::Word && !next.is("BY"));
    if first.token.kind == TokenKind::Word && words::never_table(first.written) && !entity {
        return (Named::Nothing, at);
    }
    let Some(part) = ident(dialect, first) else {
        return (Named::Nothing, at);
    };
    let temporary = dialect == Dialect::Sqlserver && part.starts_with('#');
    if temporary || first.token.kind == TokenKind::Word && part.starts_with(['@', '#']) {
        return (Named::Local, at + 1);
    }
    let mut parts = vec![part];
    let mut end = at + 1;
    let mut hole = false;
    while let Some(dot) = tokens.get(end) {
        if dot.is_symbol("..") {
            parts.push(String::new());
        } else if !dot.is_symbol(".") {
            break;
        }
        if let Some(after) = placeholder(tokens, end + 1) {
            hole = true;
            end = after;
            continue;
        }
        let Some(part) = tokens.get(end + 1).and_then(|seen| ident(dialect, seen)) else {
            break;
        };
        parts.push(part);
        end += 2;
    }
    let span = first.token.start..tokens[end - 1].token.end;
    // `${prefix}orders`: what every name of an installation begins with.
    if let Some(last) = parts.last_mut()
        && let Some(rest) = last.strip_prefix(HOLE)
        && rest.len() > 2
        && rest.starts_with(|c: char| c.is_ascii_alphabetic())
    {
        *last = rest.to_owned();
    }
    let last_hole = parts.last().is_some_and(|part| part.contains(HOLE));
    if hole || last_hole {
        return (Named::Hole(span), end);
    }
    // `${schema}.orders`: the table is known all the same.
    for part in &mut parts {
        if part.contains(HOLE) {
            part.clear();
        }
    }
    let mut name = ObjectName { parts, link: None };
    if dialect == Dialect::Oracle
        && tokens.get(end).is_some_and(|seen| seen.is_symbol("@"))
        && let Some(mut link) = tokens.get(end + 1).and_then(|seen| ident(dialect, seen))
    {
        end += 2;
        // A link may carry its domain.
        while tokens.get(end).is_some_and(|seen| seen.is_symbol("."))
            && let Some(part) = tokens.get(end + 1).and_then(|seen| ident(dialect, seen))
        {
            link = format!("{link}.{part}");
            end += 2;
        }
        name.link = Some(link);
    }
    (Named::Table(name, span), end)
}

/// `%s`, `%(name)s`, `{name}`, `{}`, `:name`, `?`, `$1`, `${name}`, `#{name}`, `<name>`: the end.
fn placeholder(tokens: &[Seen], at: usize) -> Option<usize> {
    let first = tokens.get(at)?;
    let next = |ahead: usize| tokens.get(at + ahead);
    let touches = |ahead: usize| {
        next(ahead).is_some_and(|seen| seen.token.start == tokens[at + ahead - 1].token.end)
    };
    let closing = |from: usize, close: &str| {
        (from..tokens.len().min(from + 12))
            .find(|&i| tokens[i].written == close)
            .map(|i| i + 1)
    };
    match (first.token.kind, first.written) {
        (TokenKind::Parameter, _) | (TokenKind::Symbol, "?") => Some(at + 1),
        (TokenKind::Symbol, "%") if next(1)?.is_symbol("(") => {
            closing(at + 2, ")").map(|end| end + 1)
        }
        (TokenKind::Symbol, "%" | ":") if touches(1) && next(1)?.token.kind == TokenKind::Word => {
            Some(at + 2)
        }
        (TokenKind::Symbol, "{" | "{{" | "[") => {
            closing(at + 1, if first.written == "[" { "]" } else { "}" })
        }
        (TokenKind::Symbol, "$" | "#") if next(1)?.written == "{" => closing(at + 2, "}"),
        (TokenKind::Word, "$") if touches(1) && next(1)?.written == "{" => closing(at + 2, "}"),
        _ => None,
    }
    .map(|end| end.min(tokens.len()))
}

/// Past `.name` behind a placeholder: `{schema}.{table}`.
fn skip_qualified(tokens: &[Seen], mut at: usize) -> usize {
    while tokens.get(at).is_some_and(|seen| seen.is_symbol(".")) {
        at = placeholder(tokens, at + 1).unwrap_or((at + 2).min(tokens.len()));
    }
    at
}
