//! An instance as bytes: one row, written in place.
//!
//! A byte for the format, then postcard's stable wire format; payloads are JSON inside. What a
//! later format changes is read here for as long as a row may hold the older one; a leader writes
//! a format only when every member of its store can read it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::instance::{Instance, Stored};
use crate::request::Evaluated;
use crate::transition::{Kind, Outcome, State};

/// The format that is written.
pub const FORMAT: u8 = 1;

/// Why bytes are no instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unreadable {
    /// Of a later version of this program.
    Format(u8),
    Damaged,
}

#[derive(Serialize, Deserialize)]
struct Format1 {
    id: String,
    key: String,
    input: String,
    state: State,
    outputs: BTreeMap<u32, String>,
    requests: BTreeMap<(u32, Kind), Stored1>,
    edits: BTreeMap<u32, String>,
    errors: BTreeMap<u32, String>,
    late: u32,
    last_late: Option<(u32, Outcome)>,
}

#[derive(Serialize, Deserialize)]
struct Stored1 {
    generation: u32,
    to: String,
    body: String,
    digest: String,
}

/// The bytes of an instance.
///
/// # Panics
/// Never: nothing in an instance is refused by the format.
pub fn encode(instance: &Instance) -> Vec<u8> {
    let texts = |values: &BTreeMap<u32, Value>| {
        let texts = values
            .iter()
            .map(|(step, value)| (*step, value.to_string()));
        texts.collect()
    };
    let requests = instance.requests.iter().map(|(key, stored)| {
        let stored = Stored1 {
            generation: stored.generation,
            to: stored.request.to.clone(),
            body: stored.request.body.to_string(),
            digest: stored.digest.clone(),
        };
        (*key, stored)
    });
    let row = Format1 {
        id: instance.id.clone(),
        key: instance.key.clone(),
        input: instance.input.to_string(),
        state: instance.state.clone(),
        outputs: texts(&instance.outputs),
        requests: requests.collect(),
        edits: texts(&instance.edits),
        errors: instance.errors.clone(),
        late: instance.late,
        last_late: instance.last_late,
    };
    let bytes = vec![FORMAT];
    postcard::to_extend(&row, bytes).expect("it has no length that is not known")
}

/// The instance in these bytes.
pub fn decode(bytes: &[u8]) -> Result<Instance, Unreadable> {
    let (format, row) = bytes.split_first().ok_or(Unreadable::Damaged)?;
    if *format != FORMAT {
        return Err(Unreadable::Format(*format));
    }
    let (row, rest): (Format1, _) =
        postcard::take_from_bytes(row).map_err(|_| Unreadable::Damaged)?;
    if !rest.is_empty() {
        return Err(Unreadable::Damaged);
    }
    let value = |text: &str| serde_json::from_str(text).map_err(|_| Unreadable::Damaged);
    let values = |texts: &BTreeMap<u32, String>| {
        let values = texts.iter().map(|(step, text)| Ok((*step, value(text)?)));
        values.collect::<Result<BTreeMap<u32, Value>, Unreadable>>()
    };
    let mut requests = BTreeMap::new();
    for (key, stored) in row.requests {
        let request = Evaluated {
            to: stored.to,
            body: value(&stored.body)?,
        };
        let stored = Stored {
            generation: stored.generation,
            request,
            digest: stored.digest,
        };
        requests.insert(key, stored.into());
    }
    Ok(Instance {
        input: value(&row.input)?.into(),
        outputs: values(&row.outputs)?,
        edits: values(&row.edits)?,
        id: row.id,
        key: row.key,
        state: row.state,
        requests,
        errors: row.errors,
        late: row.late,
        last_late: row.last_late,
    })
}
