//! Contracts: what an event's versions may say, so that nobody who reads them breaks.
//!
//! Owns the comparison of JSON Schemas: is every document of one also one of the other? Pure. What
//! is compared is the part of JSON Schema that contracts use; where another keyword decides, the
//! answer is that it cannot be told, never a guess. `schema.rs` and `reader.rs` read a schema, `contains.rs`
//! compares two, `accepts.rs` judges single documents, `sample.rs` makes small ones. What a
//! change owes to readers is in `versions.rs`, a whole system in `system.rs`.

mod accepts;
mod asyncapi;
mod contains;
mod reader;
mod sample;
mod schema;
mod system;
mod versions;

use serde_json::Value;

pub use asyncapi::asyncapi;
pub use schema::Schema;
pub use system::{Contract, Contracts, contracts, whole_copies};
pub use versions::{Hurt, holds};

/// Why documents of one schema are not all documents of another.
#[derive(Debug, Clone, PartialEq)]
pub struct Break {
    /// Where, as a JSON Pointer into a document; `*` stands for each item or any further field.
    pub at: String,
    /// In one sentence.
    pub reason: String,
    /// The smallest document that the one takes and the other refuses. `None`: nothing shows that
    /// they differ, and nothing shows that they do not.
    pub example: Option<Value>,
}

/// Is every document that `from` takes also one that `to` takes?
///
/// # Errors
/// The first break. One with an example is certain.
pub fn fits(from: &Schema, to: &Schema) -> Result<(), Break> {
    let Err(mut found) = contains::contained(from, to) else {
        return Ok(());
    };
    // An example that does not hold what it claims is none.
    found.example = found.example.filter(|document| {
        accepts::accepts(from, document) == Some(true)
            && accepts::accepts(to, document) == Some(false)
    });
    Err(found)
}
