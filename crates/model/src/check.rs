//! Holds one file's tree against its shape and collects everything that does not fit.
//!
//! Shape only: keys, kinds of values, words of enumerations. What values mean is looked at once
//! the file is deserialised: [`crate::placement`].

use crate::fault::Fault;
use crate::nearest::nearest;
use crate::node::{Entry, Node, Value};
use crate::shape::{Field, Shape};

/// Keys that are planned, wherever they stand.
const RESERVED: [&str; 5] = ["tenants", "region", "read_replicas", "exports", "auth"];

/// May keys that are needed be missing?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Completeness {
    /// This is all there is.
    Whole,
    /// Something will be merged in, or this is what is merged.
    Part,
}

/// Everything in `root` that does not fit `shape`, in the order of the file.
pub(crate) fn check(root: &Node, shape: &Shape, completeness: Completeness) -> Vec<Fault> {
    let mut check = Check {
        completeness,
        faults: Vec::new(),
    };
    check.value(root, shape, None);
    check.faults
}

struct Check {
    completeness: Completeness,
    faults: Vec<Fault>,
}

impl Check {
    /// `key` is what the value stands at; `None` at the top of a file.
    fn value(&mut self, node: &Node, shape: &Shape, key: Option<&str>) {
        if matches!(node.value, Value::Null) && shape.takes_null() {
            return;
        }
        // Our choices differ in kind, so the first that is of the value's kind is the one meant.
        match shape
            .choices()
            .find(|choice| is_of_kind(&node.value, choice))
        {
            Some(choice) => self.of_kind(node, choice, key),
            None => self.faults.push(wrong_kind(node, shape, key)),
        }
    }

    fn of_kind(&mut self, node: &Node, shape: &Shape, key: Option<&str>) {
        match (&node.value, shape) {
            (Value::Text(word), Shape::Word(words)) if !words.contains(word) => {
                self.faults.push(unknown_word(node, word, words, key));
            }
            (Value::List(items), Shape::List(shape)) => {
                for item in items {
                    self.value(item, shape, key);
                }
            }
            (Value::Map(entries), Shape::Map(shape)) => {
                for entry in entries {
                    self.value(&entry.node, shape, Some(&entry.key));
                }
            }
            (Value::Map(entries), Shape::Struct(fields)) => {
                self.fields(node, entries, fields, key);
            }
            _ => {}
        }
    }

    fn fields(&mut self, node: &Node, entries: &[Entry], fields: &[Field], key: Option<&str>) {
        for entry in entries {
            match fields.iter().find(|field| field.name == entry.key) {
                Some(field) => self.value(&entry.node, &field.shape, Some(&entry.key)),
                None => self.faults.push(unknown_key(entry, fields)),
            }
        }
        if self.completeness == Completeness::Part {
            return;
        }
        for field in fields.iter().filter(|field| field.required) {
            if !entries.iter().any(|entry| entry.key == field.name) {
                self.faults.push(missing_key(node, field, key));
            }
        }
    }
}

fn is_of_kind(value: &Value, shape: &Shape) -> bool {
    match shape {
        Shape::Anything => true,
        Shape::Null => matches!(value, Value::Null),
        Shape::Flag => matches!(value, Value::Bool(_)),
        Shape::Number => matches!(value, Value::Integer(_) | Value::Float(_)),
        Shape::Text | Shape::Word(_) => matches!(value, Value::Text(_)),
        Shape::List(_) => matches!(value, Value::List(_)),
        Shape::Map(_) | Shape::Struct(_) => matches!(value, Value::Map(_)),
        Shape::OneOf(_) => false,
    }
}

fn unknown_key(entry: &Entry, fields: &[Field]) -> Fault {
    let key = &entry.key;
    if RESERVED.contains(&key.as_str()) {
        return Fault::new("FH1104", format!("`{key}` is not there yet"))
            .at(entry.mark.place())
            .help("the key is reserved for a later version; take it out until then");
    }
    let fault = Fault::new("FH1103", format!("unknown key `{key}`")).at(entry.mark.place());
    let meant = nearest(key, fields.iter().map(|field| field.name.as_str()));
    let meant = meant.and_then(|meant| fields.iter().find(|field| field.name == meant));
    fault.help(match meant {
        Some(Field { name, shape, .. }) => {
            format!("did you mean `{name}`? It takes {}.", shape.describe())
        }
        None => format!("known here: {}", names_of(fields)),
    })
}

fn names_of(fields: &[Field]) -> String {
    fields
        .iter()
        .map(|field| field.name.as_str())
        .collect::<Vec<_>>()
        .join(", ")
}

fn missing_key(node: &Node, field: &Field, key: Option<&str>) -> Fault {
    let message = match key {
        Some(key) => format!("`{key}` has no `{}`", field.name),
        None => format!("the key `{}` is missing", field.name),
    };
    Fault::new("FH1106", message)
        .at(node.mark.place())
        .help(format!(
            "add `{}`; it takes {}",
            field.name,
            field.shape.describe()
        ))
}

fn unknown_word(node: &Node, word: &str, words: &[String], key: Option<&str>) -> Fault {
    let key = key
        .map(|key| format!("`{key}` does not take "))
        .unwrap_or_default();
    let all = crate::shape::alternatives(words);
    let help = match nearest(word, words.iter().map(String::as_str)) {
        Some(meant) => format!("did you mean `{meant}`? It takes {all}."),
        None => format!("it takes {all}"),
    };
    Fault::new("FH1107", format!("{key}`{word}`"))
        .at(node.mark.place())
        .help(help)
}

fn wrong_kind(node: &Node, shape: &Shape, key: Option<&str>) -> Fault {
    let takes = shape.describe();
    let message = match key {
        Some(key) => format!("`{key}` takes {takes}, not {}", kind(&node.value)),
        None => format!("this file takes keys and values, not {}", kind(&node.value)),
    };
    let fault = Fault::new("FH1105", message).at(node.mark.place());
    let wants_text = shape.choices().any(|choice| matches!(choice, Shape::Text));
    match &node.value {
        Value::Null => fault.help("write the value, or take the key out"),
        Value::Bool(_) | Value::Integer(_) | Value::Float(_) if wants_text => {
            fault.help("put it in quotes to make it text")
        }
        Value::Text(_)
            if shape
                .choices()
                .any(|choice| matches!(choice, Shape::List(_))) =>
        {
            fault.help("put it in brackets to make it a list: `[…]`")
        }
        _ => fault,
    }
}

/// Not the value itself: it may be a secret that slipped in.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Integer(_) | Value::Float(_) => "a number",
        Value::Text(_) => "text",
        Value::List(_) => "a list",
        Value::Map(_) => "a map",
    }
}
