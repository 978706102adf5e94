//! What a service says of its own HTTP API: the operations of its `OpenAPI` document, flattened to what a
//! page shows.

use serde::{Deserialize, Serialize};

/// An API, as its service describes it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Api {
    pub title: String,
    pub version: String,
    /// In the document's order; bounded.
    pub operations: Vec<Operation>,
    /// Why the document could not be had; then there are no operations.
    pub trouble: String,
}

impl Api {
    /// The operation of this method at this path, as the document writes it.
    #[must_use]
    pub fn operation(&self, method: &str, path: &str) -> Option<&Operation> {
        let mut all = self.operations.iter();
        all.find(|own| own.method == method && own.path == path)
    }
}

/// One method at one path.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Operation {
    /// `GET`
    pub method: String,
    /// `/orders/{id}`
    pub path: String,
    pub summary: String,
    pub about: String,
    pub parameters: Vec<Parameter>,
    /// Nothing: it takes no body.
    pub body: Option<Content>,
    pub answers: Vec<Reply>,
}

/// Where a parameter stands in a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Within {
    Path,
    #[default]
    Query,
    Header,
}

impl Within {
    /// In a word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
        }
    }
}

/// A parameter.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Parameter {
    pub name: String,
    pub within: Within,
    pub required: bool,
    /// `integer`, `text, one of a, b`
    pub kind: String,
    pub about: String,
    pub example: String,
}

/// What is sent or answered.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Content {
    /// `application/json`
    pub media: String,
    pub required: bool,
    /// The schema, a line for each field; bounded.
    pub fields: Vec<Field>,
    /// Something that fits, as one would write it.
    pub example: String,
}

/// A field of a body.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Field {
    /// `items[].bookId`
    pub name: String,
    pub required: bool,
    pub kind: String,
    pub about: String,
}

/// What may be answered.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reply {
    /// `201`, `default`
    pub status: String,
    pub about: String,
    pub content: Option<Content>,
}
