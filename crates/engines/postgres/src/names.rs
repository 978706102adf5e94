//! Names: between the form in which the contract carries them (`orders`, `audit.log`) and the
//! form in which a statement writes them (`"public"."orders"`).
//!
//! Owns quoting for this crate, on top of [`freehold_sql`]. Knows nothing of rights or steps.

use freehold_engine::Spot;
use freehold_sql::{Dialect, quote_ident, quote_literal};

/// A name as a quoted identifier.
///
/// Described names are checked once, in [`crate::refusals`], and catalogs hold no others. Should
/// one slip through, `""` makes the server refuse the statement.
pub(crate) fn ident(name: &str) -> String {
    quote_ident(Dialect::Postgres, name).unwrap_or_else(|_| "\"\"".to_owned())
}

/// A text as a literal; one with a NUL, which no text of PostgreSQL can hold, equals nothing.
pub(crate) fn literal(text: &str) -> String {
    quote_literal(Dialect::Postgres, text).unwrap_or_else(|_| "NULL".to_owned())
}

/// Names as a list of identifiers.
pub(crate) fn idents<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(ident).collect::<Vec<_>>().join(", ")
}

/// Names as an array of type `name`.
pub(crate) fn name_array<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let list: Vec<_> = names.into_iter().map(literal).collect();
    format!("ARRAY[{}]::name[]", list.join(", "))
}

/// A grantee as a statement writes it.
pub(crate) fn grantee(name: &str) -> String {
    if name == "PUBLIC" {
        "PUBLIC".to_owned()
    } else {
        ident(name)
    }
}

/// The key of an object: its bare name in the store's own schema, else `schema.name`. A part with
/// a dot, a quote or a parenthesis is quoted, so that keys are unambiguous.
pub(crate) fn key(spot: &Spot, schema: &str, name: &str) -> String {
    if schema == spot.schema {
        part(name)
    } else {
        format!("{}.{}", part(schema), part(name))
    }
}

/// The key of a routine: that of an object, and the types of its arguments.
pub(crate) fn routine_key(spot: &Spot, schema: &str, name: &str, types: &str) -> String {
    format!("{}({types})", key(spot, schema, name))
}

/// The object behind a key as a statement writes it, with its schema.
pub(crate) fn qualified(spot: &Spot, key: &str) -> String {
    let (schema, name) = split(spot, key);
    format!("{}.{}", ident(&schema), ident(&name))
}

/// Likewise for a routine.
pub(crate) fn qualified_routine(spot: &Spot, key: &str) -> String {
    let at = outside_quotes(key, '(').unwrap_or(key.len());
    let (name, types) = key.split_at(at);
    format!("{}{types}", qualified(spot, name))
}

/// Schema and name of a key.
pub(crate) fn split(spot: &Spot, key: &str) -> (String, String) {
    match outside_quotes(key, '.') {
        Some(at) => (bare(&key[..at]), bare(&key[at + 1..])),
        None => (spot.schema.clone(), bare(key)),
    }
}

fn part(name: &str) -> String {
    if name.contains(['.', '"', '(']) {
        ident(name)
    } else {
        name.to_owned()
    }
}

fn bare(part: &str) -> String {
    match part
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    {
        Some(inner) => inner.replace("\"\"", "\""),
        None => part.to_owned(),
    }
}

fn outside_quotes(text: &str, wanted: char) -> Option<usize> {
    let mut quoted = false;
    text.char_indices().find_map(|(at, c)| {
        if c == '"' {
            quoted = !quoted;
        }
        (!quoted && c == wanted).then_some(at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spot() -> Spot {
        Spot {
            database: "orders".into(),
            schema: "public".into(),
            prefix: String::new(),
        }
    }

    #[test]
    fn keys_lead_back_to_their_objects() {
        for (schema, name) in [
            ("public", "orders"),
            ("audit", "log"),
            ("public", "a.b"),
            ("we\"ird", "na.me"),
            ("public", "f(x"),
        ] {
            let key = key(&spot(), schema, name);
            assert_eq!(split(&spot(), &key), (schema.to_owned(), name.to_owned()));
        }
    }

    #[test]
    fn routines_keep_their_types() {
        let key = routine_key(&spot(), "public", "issue", "text, audit.kind");
        assert_eq!(key, "issue(text, audit.kind)");
        assert_eq!(
            qualified_routine(&spot(), &key),
            "\"public\".\"issue\"(text, audit.kind)"
        );
    }

    #[test]
    fn a_name_cannot_end_its_quotes() {
        assert_eq!(
            ident("a\"; DROP TABLE x; --"),
            "\"a\"\"; DROP TABLE x; --\""
        );
        assert_eq!(ident(""), "\"\"");
        assert_eq!(literal("o'clock"), "'o''clock'");
    }
}
