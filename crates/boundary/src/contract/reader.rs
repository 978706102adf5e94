//! Reads a JSON Schema: keywords of drafts 6 to 2020-12.
//!
//! Annotations are left out, `$ref` within the file is followed, and what is not understood is kept
//! by name.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::accepts::same;
use super::schema::{Bound, Kind, Schema};

/// Deeper is refused: no contract is.
const DEEPEST: usize = 40;

pub(super) fn read(root: &Value) -> Result<Schema, String> {
    Reader { root }.read(root, &mut Vec::new())
}

/// Say nothing about what is allowed.
const ANNOTATIONS: [&str; 17] = [
    "$schema",
    "$id",
    "$anchor",
    "$comment",
    "$defs",
    "definitions",
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
    "format",
    "contentMediaType",
    "contentEncoding",
    "personal",
];

struct Reader<'r> {
    root: &'r Value,
}

impl Reader<'_> {
    /// `seen`: addresses that are being followed.
    fn read(&self, value: &Value, seen: &mut Vec<String>) -> Result<Schema, String> {
        let object = match value {
            Value::Bool(true) => return Ok(Schema::anything()),
            Value::Bool(false) => {
                return Ok(Schema {
                    plain: Value::Bool(false),
                    kinds: Vec::new(),
                    ..Schema::anything()
                });
            }
            Value::Object(object) => object,
            other => {
                return Err(format!(
                    "{other} is no schema: it takes an object or a boolean"
                ));
            }
        };
        if seen.len() > DEEPEST {
            return Err(format!("it is more than {DEEPEST} levels deep"));
        }
        if let Some(address) = object.get("$ref") {
            return self.followed(object, address, seen);
        }
        seen.push(String::new());
        let mut schema = Schema {
            plain: plain(value),
            ..Schema::anything()
        };
        let read = object
            .iter()
            .try_for_each(|(word, said)| self.word(&mut schema, word, said, seen));
        seen.pop();
        read?;
        let said = object.keys().filter(|word| !is_annotation(word));
        if !schema.choice.is_empty() && said.count() > 1 {
            schema.choice.clear();
            schema
                .strange
                .push("a choice beside other keywords".to_owned());
        }
        Ok(schema)
    }

    fn followed(
        &self,
        object: &Map<String, Value>,
        address: &Value,
        seen: &mut Vec<String>,
    ) -> Result<Schema, String> {
        let text = address.as_str().unwrap_or_default();
        let target = text
            .strip_prefix('#')
            .and_then(|pointer| self.root.pointer(pointer));
        let Some(target) = target else {
            return Err(format!("`$ref: {text}` names nothing in this file"));
        };
        let strange = |what: &str| Schema {
            plain: Value::Object(object.clone()),
            strange: vec![what.to_owned()],
            ..Schema::anything()
        };
        if seen.iter().any(|own| own == text) {
            return Ok(strange("a `$ref` to itself"));
        }
        if object.keys().filter(|word| !is_annotation(word)).count() > 1 {
            return Ok(strange("a `$ref` beside other keywords"));
        }
        seen.push(text.to_owned());
        let schema = self.read(target, seen);
        seen.pop();
        schema
    }

    fn word(
        &self,
        schema: &mut Schema,
        word: &str,
        said: &Value,
        seen: &mut Vec<String>,
    ) -> Result<(), String> {
        let wrong = || format!("`{word}: {said}` is not what `{word}` takes");
        let number = || said.as_f64().ok_or_else(wrong);
        let count = || {
            // 3.0 is a count, too.
            let whole = said
                .as_f64()
                .filter(|own| own.fract() == 0.0 && *own >= 0.0);
            whole
                .and_then(|own| format!("{own:.0}").parse().ok())
                .ok_or_else(wrong)
        };
        match word {
            "type" => {
                let kinds = kinds(said).ok_or_else(wrong)?;
                schema.kinds.retain(|own| kinds.contains(own));
            }
            "enum" => narrow(schema, said.as_array().ok_or_else(wrong)?.clone()),
            "const" => narrow(schema, vec![said.clone()]),
            "minimum" => raise(&mut schema.low, number()?, false),
            "exclusiveMinimum" => raise(&mut schema.low, number()?, true),
            "maximum" => lower(&mut schema.high, number()?, false),
            "exclusiveMaximum" => lower(&mut schema.high, number()?, true),
            "multipleOf" => {
                schema.step = Some(number()?).filter(|own| *own > 0.0);
                schema.step.ok_or_else(wrong)?;
            }
            "minLength" => schema.shortest = count()?,
            "maxLength" => schema.longest = Some(count()?),
            "pattern" => schema.pattern = Some(said.as_str().ok_or_else(wrong)?.to_owned()),
            "items" if said.is_array() => schema.strange.push(format!("`{word}` as a list")),
            "items" => schema.items = Some(Box::new(self.read(said, seen)?)),
            "minItems" => schema.fewest = count()?,
            "maxItems" => schema.most = Some(count()?),
            "uniqueItems" => schema.unique = said.as_bool().ok_or_else(wrong)?,
            "properties" => {
                for (name, own) in said.as_object().ok_or_else(wrong)? {
                    let own = self
                        .read(own, seen)
                        .map_err(|why| format!("{name}: {why}"))?;
                    schema.fields.insert(name.clone(), own);
                }
            }
            "required" => {
                let names = said.as_array().ok_or_else(wrong)?.iter();
                let names: Option<BTreeSet<String>> =
                    names.map(|own| own.as_str().map(str::to_owned)).collect();
                schema.required = names.ok_or_else(wrong)?;
            }
            "additionalProperties" => schema.rest = Some(Box::new(self.read(said, seen)?)),
            "anyOf" | "oneOf" => {
                let all = said
                    .as_array()
                    .filter(|own| !own.is_empty())
                    .ok_or_else(wrong)?;
                let all: Result<Vec<Schema>, String> =
                    all.iter().map(|own| self.read(own, seen)).collect();
                let all = all?;
                if word == "anyOf" || apart(&all) {
                    schema.choice = all;
                } else {
                    schema
                        .strange
                        .push("`oneOf` whose parts may overlap".to_owned());
                }
            }
            _ if is_annotation(word) => {}
            _ => schema.strange.push(format!("`{word}`")),
        }
        Ok(())
    }
}

fn is_annotation(word: &str) -> bool {
    ANNOTATIONS.contains(&word) || word.starts_with("x-")
}

/// Kinds by the words of `type`.
fn kinds(said: &Value) -> Option<Vec<Kind>> {
    let of = |word: &str| {
        Some(match word {
            "null" => vec![Kind::Null],
            "boolean" => vec![Kind::Boolean],
            "integer" => vec![Kind::Whole],
            "number" => vec![Kind::Whole, Kind::Fraction],
            "string" => vec![Kind::Text],
            "array" => vec![Kind::List],
            "object" => vec![Kind::Object],
            _ => return None,
        })
    };
    match said {
        Value::String(word) => of(word),
        Value::Array(words) => {
            let all: Option<Vec<Vec<Kind>>> = words
                .iter()
                .map(|word| word.as_str().and_then(of))
                .collect();
            Some(all?.concat())
        }
        _ => None,
    }
}

fn narrow(schema: &mut Schema, values: Vec<Value>) {
    schema.values = Some(match schema.values.take() {
        None => values,
        Some(before) => before
            .into_iter()
            .filter(|own| values.iter().any(|other| same(own, other)))
            .collect(),
    });
}

fn raise(bound: &mut Option<Bound>, value: f64, open: bool) {
    let higher = bound.is_none_or(|own| (own.value, own.open) < (value, open));
    if higher {
        *bound = Some(Bound { value, open });
    }
}

fn lower(bound: &mut Option<Bound>, value: f64, open: bool) {
    let less = bound.is_none_or(|own| (-own.value, own.open) < (-value, open));
    if less {
        *bound = Some(Bound { value, open });
    }
}

/// Does no document fit two of them? By kinds alone.
fn apart(all: &[Schema]) -> bool {
    let kinds: Vec<Kind> = all
        .iter()
        .flat_map(|own| own.kinds.iter().copied())
        .collect();
    let nested = all.iter().any(|own| !own.choice.is_empty());
    !nested
        && kinds
            .iter()
            .enumerate()
            .all(|(at, own)| !kinds[..at].contains(own))
}

/// Without annotations, at every depth where a schema stands.
fn plain(value: &Value) -> Value {
    let Value::Object(object) = value else {
        return value.clone();
    };
    let kept = object.iter().filter(|(word, _)| !is_annotation(word));
    let kept = kept.map(|(word, said)| {
        let said = match (word.as_str(), said) {
            ("properties", Value::Object(fields)) => {
                let fields = fields.iter().map(|(name, own)| (name.clone(), plain(own)));
                Value::Object(fields.collect())
            }
            ("anyOf" | "oneOf" | "allOf", Value::Array(all)) => {
                Value::Array(all.iter().map(plain).collect())
            }
            ("items" | "additionalProperties" | "not", said) => plain(said),
            (_, said) => said.clone(),
        };
        (word.clone(), said)
    });
    Value::Object(kept.collect())
}
