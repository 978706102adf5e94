//! Transactions in code: where one begins and ends, and what is written in between.
//!
//! Owns what a file says about its transactions, without knowing owners. `scopes` finds them,
//! `writes` what models write, `verdict` holds both against ownership. A scope reaches one call
//! deep: further down nobody knows whether the same transaction is meant.

mod scopes;
mod verdict;
mod writes;

pub(crate) use verdict::verdicts;

use crate::source::Code;
use crate::source::symbols::Symbols;
use crate::spot::{Lines, Spot};

/// What a file says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Transactions {
    pub(crate) scopes: Vec<Scope>,
    /// Writes by way of models, in the order of the file.
    pub(crate) writes: Vec<ModelWrite>,
    pub(crate) functions: Vec<Function>,
}

/// A place in a file: line and column.
pub(crate) type At = (usize, usize);

/// From where to where something is one transaction.
#[derive(Debug, Clone)]
pub(crate) struct Scope {
    pub(crate) from: At,
    pub(crate) to: At,
    /// The words that begin it.
    pub(crate) spot: Spot,
    pub(crate) calls: Vec<Call>,
}

/// A call within a scope.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) at: At,
    /// What stands before the dot; none, or the object itself: a function of the same class.
    pub(crate) receiver: Option<String>,
    pub(crate) name: String,
}

/// A write that names a model.
#[derive(Debug, Clone)]
pub(crate) struct ModelWrite {
    pub(crate) class: String,
    pub(crate) verb: String,
    pub(crate) spot: Spot,
}

/// A function and the lines that it covers.
#[derive(Debug, Clone)]
pub(crate) struct Function {
    pub(crate) class: Option<String>,
    pub(crate) name: String,
    pub(crate) from: At,
    pub(crate) to: At,
}

/// Reads the transactions of one file.
pub(crate) fn read(code: &Code, symbols: &Symbols, lines: &Lines) -> Transactions {
    let spot = |from: usize, to: usize| lines.spot(from, to, symbols.at(from));
    let at = |byte: usize| {
        let spot = lines.spot(byte, byte, String::new());
        (spot.line, spot.column)
    };
    let mut out = Transactions {
        writes: writes::read(code, &spot),
        ..Transactions::default()
    };
    for range in scopes::read(code, symbols) {
        out.scopes.push(Scope {
            from: at(range.from),
            to: at(range.to),
            spot: spot(range.start, range.end),
            calls: scopes::calls(code, &range, &at),
        });
    }
    out.functions = symbols
        .0
        .iter()
        .filter(|own| !own.class)
        .map(|own| Function {
            class: symbols.class(own.start).map(str::to_owned),
            name: own.name.clone(),
            from: at(own.start),
            to: at(own.end),
        })
        .collect();
    out
}

/// The transactions of a text of SQL: BEGIN … COMMIT.
pub(crate) fn of_sql(text: &str, lines: &Lines) -> Transactions {
    let mut out = Transactions::default();
    let mut open: Option<(usize, usize)> = None;
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let word = line
            .trim()
            .trim_end_matches(';')
            .trim()
            .to_ascii_uppercase();
        let start = offset + (line.len() - line.trim_start().len());
        match word.as_str() {
            "BEGIN" | "BEGIN WORK" | "BEGIN TRANSACTION" | "BEGIN TRAN" | "START TRANSACTION"
                if line.contains(';') || word.len() > 5 =>
            {
                open = Some((start, start + word.len()));
            }
            "COMMIT" | "COMMIT WORK" | "COMMIT TRANSACTION" | "COMMIT TRAN" | "END TRANSACTION" => {
                if let Some((from, to)) = open.take() {
                    let at = |byte: usize| {
                        let spot = lines.spot(byte, byte, String::new());
                        (spot.line, spot.column)
                    };
                    out.scopes.push(Scope {
                        from: at(from),
                        to: at(start),
                        spot: lines.spot(from, to, String::new()),
                        calls: Vec::new(),
                    });
                }
            }
            _ => {}
        }
        offset += line.len();
    }
    out
}
