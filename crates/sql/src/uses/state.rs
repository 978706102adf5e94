//! What the walk knows at a place: the statement that it is in, and the names that shadow tables.

use super::ObjectName;
use super::body::Place;
use super::{Access, TableUse, Unresolved, Uses, Why};
use crate::Dialect;
use crate::seen::Seen;
use std::ops::Range;

/// The statement or subquery that a level of parentheses is in the middle of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    /// None yet: a group of an expression, or a piece of a statement.
    None,
    Select,
    Insert,
    Update,
    Delete,
    Merge,
    /// CREATE, ALTER, DROP.
    Define,
    /// SHOW, FETCH, and others whose FROM names no table.
    Other,
}

/// One level of parentheses, and of it the present statement.
#[derive(Debug)]
pub(super) struct Level<'p> {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) verb: Verb,
    /// Commas separate tables.
    pub(super) listing: bool,
    /// Names of WITH that shadow tables from here on.
    pub(super) ctes: Vec<String>,
    /// The statement that WITH belongs to has begun.
    pub(super) cte_taken: bool,
    pub(super) parent: Option<&'p Level<'p>>,
    /// How many levels are around this one.
    pub(super) depth: usize,
    /// The tables of the present statement, for what names them by alias.
    pub(super) sources: Vec<Source>,
    /// What UPDATE and DELETE name, which may be an alias.
    pub(super) targets: Vec<Target>,
    /// Stars of the select list: whose columns they mean, or everybody's.
    pub(super) stars: Vec<Option<String>>,
}

/// A table of a FROM list.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) name: String,
    pub(super) alias: Option<String>,
    /// Which use it is; `None` for a CTE or a subquery.
    pub(super) table: Option<usize>,
}

/// What UPDATE or DELETE names before its FROM.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) name: ObjectName,
    pub(super) span: Range<usize>,
    pub(super) access: Access,
}

impl<'p> Level<'p> {
    pub(super) fn new(from: usize, to: usize, parent: Option<&'p Level<'p>>) -> Self {
        Self {
            from,
            to,
            verb: Verb::None,
            listing: false,
            ctes: Vec::new(),
            cte_taken: false,
            parent,
            depth: parent.map_or(0, |parent| parent.depth + 1),
            sources: Vec::new(),
            targets: Vec::new(),
            stars: Vec::new(),
        }
    }

    /// Something of a FROM list, here or around, is called so: what stands behind its dot is a
    /// column or, in the query languages of mappers, an attribute.
    pub(super) fn is_alias(&self, name: &str) -> bool {
        self.sources.iter().any(|source| {
            source
                .alias
                .as_deref()
                .is_some_and(|alias| alias.eq_ignore_ascii_case(name))
        }) || self.parent.is_some_and(|parent| parent.is_alias(name))
    }

    /// A name that WITH gave to a query, here or around.
    pub(super) fn is_cte(&self, name: &str) -> bool {
        self.ctes.iter().any(|cte| cte.eq_ignore_ascii_case(name))
            || self.parent.is_some_and(|parent| parent.is_cte(name))
    }
}

/// The walk over one text.
#[derive(Debug)]
pub(super) struct Walk<'a, 'o> {
    pub(super) dialect: Dialect,
    pub(super) text: &'a str,
    pub(super) tokens: &'a [Seen<'a>],
    /// By token: where its parenthesis closes.
    pub(super) closes: Vec<usize>,
    pub(super) place: Place,
    pub(super) out: &'o mut Uses,
    /// Temporary tables made before.
    pub(super) temporary: Vec<String>,
    pub(super) within: Option<String>,
    pub(super) statement: usize,
    /// The definition that the present statement is.
    pub(super) container: Option<usize>,
}

impl<'a> Walk<'a, '_> {
    pub(super) fn token(&self, at: usize) -> Option<&'a Seen<'a>> {
        self.tokens.get(at)
    }

    pub(super) fn is(&self, at: usize, word: &str) -> bool {
        self.token(at).is_some_and(|seen| seen.is(word))
    }

    pub(super) fn is_any(&self, at: usize, words: &[&str]) -> bool {
        self.token(at).is_some_and(|seen| seen.is_any(words))
    }

    pub(super) fn is_symbol(&self, at: usize, symbol: &str) -> bool {
        self.token(at).is_some_and(|seen| seen.is_symbol(symbol))
    }

    /// The words stand here, one behind the other.
    pub(super) fn are(&self, at: usize, words: &[&str]) -> bool {
        words
            .iter()
            .enumerate()
            .all(|(i, word)| self.is(at + i, word))
    }

    pub(super) fn skip(&self, mut at: usize, words: &[&str]) -> usize {
        while self.is_any(at, words) {
            at += 1;
        }
        at
    }

    pub(super) fn skip_if_exists(&self, at: usize) -> usize {
        if self.are(at, &["IF", "NOT", "EXISTS"]) {
            at + 3
        } else if self.are(at, &["IF", "EXISTS"]) {
            at + 2
        } else {
            at
        }
    }

    /// Behind the parenthesis that opens at `at`.
    pub(super) fn behind_group(&self, at: usize) -> usize {
        self.closes.get(at).map_or(at + 1, |close| close + 1)
    }

    /// Writes a use down; gives its index.
    pub(super) fn found(
        &mut self,
        name: ObjectName,
        span: Range<usize>,
        access: Access,
        joined: bool,
    ) -> Option<usize> {
        let pseudo = self.dialect == Dialect::Sqlserver
            && !name.is_qualified()
            && (name.table().eq_ignore_ascii_case("inserted")
                || name.table().eq_ignore_ascii_case("deleted"));
        let dual = !name.is_qualified() && name.table().eq_ignore_ascii_case("dual");
        let temporary = self
            .temporary
            .iter()
            .any(|own| own.eq_ignore_ascii_case(name.table()));
        if pseudo || dual || temporary && !name.is_qualified() || name.table().is_empty() {
            return None;
        }
        let within = self.within.clone().filter(|_| !name.is_qualified());
        self.out.tables.push(TableUse {
            name,
            access,
            joined,
            span: span.start + self.place.base..span.end + self.place.base,
            statement: self.statement,
            container: self.container.or(self.place.container),
            within,
            key: None,
            whole: false,
        });
        Some(self.out.tables.len() - 1)
    }

    pub(super) fn unresolved(&mut self, span: Range<usize>, why: Why) {
        self.out.recovered = true;
        self.out.unresolved.push(Unresolved {
            span: span.start + self.place.base..span.end + self.place.base,
            why,
        });
    }
}
