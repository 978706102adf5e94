//! One change to a server or store: what a person reads in a plan, and the statements behind it.
//!
//! Nothing secret is in a step: a verifier is a slot, filled when the step is applied.

use serde::Serialize;

use crate::error::{Error, ErrorKind, Result};
use crate::secret::Verifiers;

/// Where a step runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum At {
    /// Over the server's own connection.
    Server,
    /// Connected to the store's database.
    Store,
}

/// Does it add, change or remove?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// `+`
    Add,
    /// `~`
    Change,
    /// `-`
    Remove,
}

/// What it is about; the second column of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Subject {
    /// The database, or the store's file.
    Database,
    /// The schema.
    Schema,
    /// A role or login.
    Identity,
    /// A right on tables, sequences, columns, routines of the store. The only steps that are also
    /// run inside a migration's transaction.
    Grant,
    /// Anything else about who may do what: memberships, rights on database and schema.
    Access,
    /// An extension.
    Extension,
    /// The ledger's own table.
    Ledger,
    /// Outbox, copies and what freehold keeps for them.
    Plane,
    /// The functions that change the passwords of this store's logins.
    Issuer,
    /// A setting of the server that is not ours: only with `--server-wide`.
    Server,
}

/// Part of a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Piece {
    /// SQL text.
    Text(String),
    /// The verifier of this login as a quoted literal of the engine's form, filled in at apply.
    Verifier(String),
}

/// One statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Sql(pub Vec<Piece>);

impl Sql {
    /// A statement without slots.
    pub fn text(sql: impl Into<String>) -> Self {
        Self(vec![Piece::Text(sql.into())])
    }

    /// A statement `before <verifier of login> after`.
    pub fn with_verifier(before: impl Into<String>, login: &str, after: impl Into<String>) -> Self {
        Self(vec![
            Piece::Text(before.into()),
            Piece::Verifier(login.to_owned()),
            Piece::Text(after.into()),
        ])
    }

    /// The statement with its slots filled; `quote` makes a literal of the engine's form.
    pub fn fill(&self, verifiers: &Verifiers, quote: impl Fn(&str) -> String) -> Result<String> {
        self.0
            .iter()
            .try_fold(String::new(), |sql, piece| match piece {
                Piece::Text(text) => Ok(sql + text),
                Piece::Verifier(login) => verifiers
                    .get(login)
                    .map(|verifier| sql + &quote(verifier.expose()))
                    .ok_or_else(|| {
                        Error::new(ErrorKind::Invalid, format!("no verifier for {login}"))
                    }),
            })
    }

    /// The statement as a person may see it: `PASSWORD '‹verifier of orders_app_1›'`.
    pub fn shown(&self) -> String {
        self.0.iter().fold(String::new(), |sql, piece| match piece {
            Piece::Text(text) => sql + text,
            Piece::Verifier(login) => sql + &format!("'‹verifier of {login}›'"),
        })
    }
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Does it add, change or remove?
    pub change: Change,
    /// What it is about.
    pub subject: Subject,
    /// The object's name: `orders_app`.
    pub name: String,
    /// Why, or what it amounts to: `read and write 3 tables, insert-only order_items`.
    pub note: String,
    /// Where it runs.
    pub at: At,
    /// All statements in one transaction? Else each commits for itself, and each is repeatable.
    pub atomic: bool,
    /// In order. Empty where the engine does it without SQL (removing a file).
    pub sql: Vec<Sql>,
}

impl Step {
    /// An atomic step without statements yet.
    pub fn new(
        change: Change,
        subject: Subject,
        at: At,
        name: impl Into<String>,
        note: impl Into<String>,
    ) -> Self {
        Self {
            change,
            subject,
            name: name.into(),
            note: note.into(),
            at,
            atomic: true,
            sql: Vec::new(),
        }
    }

    /// Adds a statement without slots.
    #[must_use]
    pub fn run(mut self, sql: impl Into<String>) -> Self {
        self.sql.push(Sql::text(sql));
        self
    }

    /// Adds a statement with slots.
    #[must_use]
    pub fn run_sql(mut self, sql: Sql) -> Self {
        self.sql.push(sql);
        self
    }

    /// Each statement commits for itself (CREATE DATABASE and the like).
    #[must_use]
    pub fn not_atomic(mut self) -> Self {
        self.atomic = false;
        self
    }
}
