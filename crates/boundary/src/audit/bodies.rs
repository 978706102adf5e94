//! What routines and triggers touch: their bodies read as SQL.
//!
//! Owns the reading of bodies. With whose rights they run is decided in `ways`.

use std::collections::BTreeMap;

use freehold_engine::audit::{Facts, Rights};
use freehold_sql::{Access, Dialect, uses};

use super::names::{Means, Names};

/// What a body touches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Body {
    /// Relation → what is done with it.
    pub(crate) touches: BTreeMap<u32, Rights>,
    /// It runs text that is put together at run time: it can touch anything its runner may.
    pub(crate) any: bool,
    /// It cannot be read: another language, or not shown to this login.
    pub(crate) opaque: bool,
}

/// The dialect of the audited server.
pub(crate) fn dialect(facts: &Facts) -> Dialect {
    match facts.server.product.as_str() {
        "MySQL" => Dialect::Mysql,
        "MariaDB" => Dialect::Mariadb,
        _ => Dialect::Postgres,
    }
}

/// Each routine's body.
pub(crate) fn routines(facts: &Facts, names: &Names<'_>) -> Vec<Body> {
    let dialect = dialect(facts);
    let read = |own: &freehold_engine::audit::Routine| {
        if own.of_extension {
            return Body::default();
        }
        let within = facts.schemas.get(own.schema as usize);
        let within = within.map(|schema| schema.name.as_str());
        let readable = matches!(
            own.language.to_lowercase().as_str(),
            "sql" | "plpgsql" | "event"
        );
        match &own.body {
            Some(text) if readable => body(dialect, text, names, within),
            _ => Body {
                opaque: true,
                ..Body::default()
            },
        }
    };
    facts.routines.iter().map(read).collect()
}

/// Bodies of triggers that have one of their own.
pub(crate) fn triggers(facts: &Facts, names: &Names<'_>) -> Vec<Option<Body>> {
    let dialect = dialect(facts);
    let read = |own: &freehold_engine::audit::Trigger| {
        let schema = facts.relations[own.relation as usize].schema;
        let within = facts.schemas[schema as usize].name.as_str();
        let text = own.body.as_deref()?;
        Some(body(dialect, text, names, Some(within)))
    };
    facts.triggers.iter().map(read).collect()
}

/// One body.
fn body(dialect: Dialect, text: &str, names: &Names<'_>, within: Option<&str>) -> Body {
    let whole = if dialect == Dialect::Postgres {
        format!(
            "CREATE FUNCTION f() RETURNS x LANGUAGE plpgsql AS $freehold_body${text}$freehold_body$"
        )
    } else {
        text.to_owned()
    };
    let found = uses(dialect, &whole);
    let mut body = Body {
        any: is_dynamic(dialect, text) || !found.unresolved.is_empty(),
        ..Body::default()
    };
    for own in &found.tables {
        let right = right(own.access);
        if let Means::One(at) = names.find(&own.name, own.within.as_deref().or(within))
            && !right.is_none()
        {
            *body.touches.entry(at).or_default() |= right;
        }
    }
    body
}

/// The right that an access takes.
pub(crate) fn right(access: Access) -> Rights {
    match access {
        Access::Read => Rights::SELECT,
        Access::Insert => Rights::INSERT,
        Access::Update => Rights::UPDATE,
        Access::Delete => Rights::DELETE,
        Access::Merge => Rights::INSERT | Rights::UPDATE,
        Access::Truncate => Rights::TRUNCATE,
        _ => Rights::NONE,
    }
}

/// Does it run a text? `EXECUTE` in PL/pgSQL, `PREPARE … FROM` in MySQL.
fn is_dynamic(dialect: Dialect, text: &str) -> bool {
    let word = if dialect == Dialect::Postgres {
        "EXECUTE"
    } else {
        "PREPARE"
    };
    freehold_sql::lexer::Lexer::new(dialect, text)
        .filter(|token| !token.is_trivia())
        .any(|token| token.text(text).eq_ignore_ascii_case(word))
}
