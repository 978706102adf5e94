//! What a payload looks like: the type of a saga's input and of each step's output.
//!
//! Written as a map of names to types (`order_id: text`, `items: [{ sku: text, quantity: int }]`,
//! `note?: text`). Expressions are checked against it when a definition is loaded, payloads when
//! they arrive. Unknown fields of a payload are let through: a participant may say more.

use std::fmt;

use serde_json::Value;

use crate::expression::is_name;

/// Deeper than any payload that somebody describes; bounds recursion.
const DEPTH_LIMIT: usize = 16;

/// The type of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// Not described; only looked at when it is there.
    Any,
    Null,
    Bool,
    /// 64 bits, signed. Money is minor units in one of these.
    Int,
    Double,
    Text,
    List(Box<Type>),
    Map(Vec<Field>),
}

/// A named part of a map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    pub name: String,
    pub of: Type,
    /// May be missing or null.
    pub optional: bool,
}

/// Why a description of a type is none, and where: the keys and list positions that lead there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoType {
    pub path: Vec<String>,
    pub message: String,
}

impl Type {
    /// Reads what stands in a definition.
    pub fn read(value: &Value) -> Result<Self, NoType> {
        Self::read_at(value, &mut Vec::new())
    }

    fn read_at(value: &Value, path: &mut Vec<String>) -> Result<Self, NoType> {
        let wrong = |path: &[String], message: String| NoType {
            path: path.to_vec(),
            message,
        };
        if path.len() > DEPTH_LIMIT {
            return Err(wrong(
                path,
                format!("nested deeper than {DEPTH_LIMIT} levels"),
            ));
        }
        match value {
            Value::String(name) => Self::named(name).ok_or_else(|| {
                wrong(
                    path,
                    format!("`{name}` is no type; there are text, int, double, bool and any, `[type]` for a list, a map of names for a map"),
                )
            }),
            Value::Array(items) => match items.as_slice() {
                [item] => {
                    path.push("0".into());
                    let item = Self::read_at(item, path)?;
                    path.pop();
                    Ok(Self::List(Box::new(item)))
                }
                _ => Err(wrong(path, "a list is written with the one type of its items: `[text]`".into())),
            },
            Value::Object(entries) => {
                let mut fields = Vec::new();
                for (key, value) in entries {
                    path.push(key.clone());
                    let (name, optional) = match key.strip_suffix('?') {
                        Some(name) => (name, true),
                        None => (key.as_str(), false),
                    };
                    if !is_name(name) {
                        return Err(wrong(
                            path,
                            format!("`{name}` cannot be the name of a field: letters, digits and `_`, not beginning with a digit"),
                        ));
                    }
                    fields.push(Field {
                        name: name.to_owned(),
                        of: Self::read_at(value, path)?,
                        optional,
                    });
                    path.pop();
                }
                Ok(Self::Map(fields))
            }
            _ => Err(wrong(path, "a type is a name, a list or a map".into())),
        }
    }

    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "any" => Self::Any,
            "bool" => Self::Bool,
            "int" => Self::Int,
            "double" => Self::Double,
            "text" => Self::Text,
            _ => return None,
        })
    }

    /// Why `value` is not of this type: where in it, and what was expected. The value itself is
    /// not in the answer, since it may be personal.
    pub fn mismatch(&self, value: &Value) -> Option<String> {
        self.mismatch_at(value, "")
    }

    fn mismatch_at(&self, value: &Value, at: &str) -> Option<String> {
        let fits = match (self, value) {
            (Self::Any, _)
            | (Self::Null, Value::Null)
            | (Self::Bool, Value::Bool(_))
            | (Self::Text, Value::String(_))
            | (Self::Double, Value::Number(_)) => true,
            (Self::Int, Value::Number(number)) => number.as_i64().is_some(),
            (Self::List(item), Value::Array(items)) => {
                return items
                    .iter()
                    .enumerate()
                    .find_map(|(index, value)| item.mismatch_at(value, &format!("{at}[{index}]")));
            }
            (Self::Map(fields), Value::Object(entries)) => {
                return fields.iter().find_map(|field| {
                    let at = match at {
                        "" => field.name.clone(),
                        at => format!("{at}.{}", field.name),
                    };
                    match entries.get(&field.name) {
                        None | Some(Value::Null) if field.optional => None,
                        None => Some(format!("`{at}` is missing")),
                        Some(value) => field.of.mismatch_at(value, &at),
                    }
                });
            }
            _ => false,
        };
        let at = if at.is_empty() { "the payload" } else { at };
        (!fits).then(|| format!("`{at}` is not {self}"))
    }

    /// The field of a map.
    pub(crate) fn field(&self, name: &str) -> Option<&Field> {
        match self {
            Self::Map(fields) => fields.iter().find(|field| field.name == name),
            _ => None,
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("anything"),
            Self::Null => f.write_str("null"),
            Self::Bool => f.write_str("bool"),
            Self::Int => f.write_str("int"),
            Self::Double => f.write_str("double"),
            Self::Text => f.write_str("text"),
            Self::List(item) => write!(f, "a list of {item}"),
            Self::Map(_) => f.write_str("a map"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn payloads_are_held_to_their_type() {
        let order = Type::read(&json!({
            "order_id": "text",
            "items": [{ "sku": "text", "quantity": "int" }],
            "note?": "text",
        }))
        .expect("a type");
        let fits = json!({ "order_id": "o1", "items": [{ "sku": "b", "quantity": 2 }], "more": 1 });
        assert_eq!(order.mismatch(&fits), None);
        for (value, message) in [
            (json!({ "items": [] }), "`order_id` is missing"),
            (
                json!({ "order_id": "o", "items": [{ "sku": "b", "quantity": 1.5 }] }),
                "`items[0].quantity` is not int",
            ),
            (
                json!({ "order_id": "o", "items": [], "note": 3 }),
                "`note` is not text",
            ),
            (json!([]), "`the payload` is not a map"),
        ] {
            assert_eq!(order.mismatch(&value).as_deref(), Some(message));
        }
    }

    #[test]
    fn what_is_no_type_is_said_with_its_path() {
        let wrong = Type::read(&json!({ "a": [{ "b": "string" }] })).expect_err("no such type");
        assert_eq!(wrong.path, ["a", "0", "b"]);
        assert!(wrong.message.contains("`string` is no type"));
        assert!(Type::read(&json!({ "a": ["text", "int"] })).is_err());
        assert!(Type::read(&json!({ "a b": "text" })).is_err());
    }
}
