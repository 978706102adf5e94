//! Does a schema take a document? `None` where a keyword decides that is not understood.

use std::collections::BTreeSet;

use serde_json::{Number, Value};

use super::schema::{Kind, Schema};

/// Numbers are the same by value, whatever way they are written.
pub(super) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => equal(a, b),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(name, own)| b.get(name).is_some_and(|other| same(own, other)))
        }
        _ => a == b,
    }
}

fn equal(a: &Number, b: &Number) -> bool {
    if a == b {
        return true;
    }
    let both = a.as_f64().zip(b.as_f64());
    both.is_some_and(|(a, b)| a.total_cmp(&b).is_eq())
}

/// All of several answers: a no is a no, whatever else is not known.
fn all(answers: impl IntoIterator<Item = Option<bool>>) -> Option<bool> {
    let mut known = true;
    for answer in answers {
        match answer {
            Some(false) => return Some(false),
            Some(true) => {}
            None => known = false,
        }
    }
    known.then_some(true)
}

pub(super) fn accepts(schema: &Schema, document: &Value) -> Option<bool> {
    if !schema.choice.is_empty() {
        let answers: Vec<_> = schema
            .choice
            .iter()
            .map(|own| accepts(own, document))
            .collect();
        return if answers.contains(&Some(true)) {
            Some(true)
        } else if answers.contains(&None) {
            None
        } else {
            Some(false)
        };
    }
    if !schema.allows(Kind::of(document)) {
        return Some(false);
    }
    if let Some(values) = &schema.values
        && !values.iter().any(|own| same(own, document))
    {
        return Some(false);
    }
    let own = match document {
        Value::Number(number) => number.as_f64().map(|number| takes_number(schema, number)),
        Value::String(text) => takes_text(schema, text),
        Value::Array(items) => takes_list(schema, items),
        Value::Object(_) => takes_object(schema, document),
        Value::Null | Value::Bool(_) => Some(true),
    };
    all([own, schema.strange.is_empty().then_some(true)])
}

fn takes_number(schema: &Schema, number: f64) -> bool {
    let low = schema
        .low
        .is_none_or(|low| number > low.value || !low.open && number >= low.value);
    let high = schema
        .high
        .is_none_or(|high| number < high.value || !high.open && number <= high.value);
    let step = schema
        .step
        .is_none_or(|step| ((number / step).round() * step - number).abs() < 1e-9);
    low && high && step
}

fn takes_text(schema: &Schema, text: &str) -> Option<bool> {
    let length = u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
    if length < schema.shortest || schema.longest.is_some_and(|most| length > most) {
        return Some(false);
    }
    schema.pattern.is_none().then_some(true)
}

fn takes_list(schema: &Schema, items: &[Value]) -> Option<bool> {
    let length = u64::try_from(items.len()).unwrap_or(u64::MAX);
    if length < schema.fewest || schema.most.is_some_and(|most| length > most) {
        return Some(false);
    }
    let twice = |(at, own): (usize, &Value)| items[..at].iter().any(|other| same(own, other));
    if schema.unique && items.iter().enumerate().any(twice) {
        return Some(false);
    }
    let Some(each) = &schema.items else {
        return Some(true);
    };
    all(items.iter().map(|own| accepts(each, own)))
}

fn takes_object(schema: &Schema, document: &Value) -> Option<bool> {
    let object = document.as_object()?;
    let there: BTreeSet<&String> = object.keys().collect();
    if schema.required.iter().any(|name| !there.contains(name)) {
        return Some(false);
    }
    all(object.iter().map(|(name, own)| match schema.field(name) {
        Some(field) => accepts(field, own),
        None => Some(true),
    }))
}
