//! A JSON Schema of ours, read once into what [`crate::check`] walks a file against.
//!
//! Understands what our own types generate and nothing else.

use std::sync::LazyLock;

use serde_json::Value;

use crate::schema::{environment_schema, servers_schema, service_schema, system_schema};

pub(crate) static SYSTEM: LazyLock<Shape> = LazyLock::new(|| Shape::new(&system_schema()));
pub(crate) static ENVIRONMENT: LazyLock<Shape> =
    LazyLock::new(|| Shape::new(&environment_schema()));
pub(crate) static SERVICE: LazyLock<Shape> = LazyLock::new(|| Shape::new(&service_schema()));
pub(crate) static SERVERS: LazyLock<Shape> = LazyLock::new(|| Shape::new(&servers_schema()));

/// What a value has to look like.
#[derive(Debug, Clone)]
pub(crate) enum Shape {
    Anything,
    Null,
    Flag,
    Number,
    Text,
    /// One of these words.
    Word(Vec<String>),
    List(Box<Shape>),
    /// Free names to values.
    Map(Box<Shape>),
    Struct(Vec<Field>),
    OneOf(Vec<Shape>),
}

#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) required: bool,
    pub(crate) shape: Shape,
}

impl Shape {
    pub(crate) fn new(root: &Value) -> Self {
        Self::read(root, root)
    }

    fn read(schema: &Value, root: &Value) -> Self {
        if let Some(reference) = schema["$ref"].as_str() {
            // None of our types contains itself, so this ends.
            return match root.pointer(reference.trim_start_matches('#')) {
                Some(definition) => Self::read(definition, root),
                None => Self::Anything,
            };
        }
        for key in ["anyOf", "oneOf"] {
            if let Some(choices) = schema[key].as_array() {
                return Self::one_of(choices.iter().map(|choice| Self::read(choice, root)));
            }
        }
        if let Some(word) = schema["const"].as_str() {
            return Self::Word(vec![word.to_owned()]);
        }
        if let Some(words) = schema["enum"].as_array() {
            return Self::Word(
                words
                    .iter()
                    .filter_map(Value::as_str)
                    .map(str::to_owned)
                    .collect(),
            );
        }
        match &schema["type"] {
            Value::String(name) => Self::of_type(name, schema, root),
            Value::Array(names) => Self::one_of(
                names
                    .iter()
                    .filter_map(Value::as_str)
                    .map(|name| Self::of_type(name, schema, root)),
            ),
            _ => Self::Anything,
        }
    }

    fn of_type(name: &str, schema: &Value, root: &Value) -> Self {
        match name {
            "null" => Self::Null,
            "boolean" => Self::Flag,
            "integer" | "number" => Self::Number,
            "string" => Self::Text,
            "array" => Self::List(Box::new(Self::read(&schema["items"], root))),
            "object" => Self::of_object(schema, root),
            _ => Self::Anything,
        }
    }

    fn of_object(schema: &Value, root: &Value) -> Self {
        let Some(properties) = schema["properties"].as_object() else {
            return Self::Map(Box::new(Self::read(&schema["additionalProperties"], root)));
        };
        let required = schema["required"].as_array();
        let is_required = |name: &str| required.is_some_and(|all| all.iter().any(|it| it == name));
        let field = |(name, schema): (&String, &Value)| Field {
            name: name.clone(),
            required: is_required(name),
            shape: Self::read(schema, root),
        };
        Self::Struct(properties.iter().map(field).collect())
    }

    /// Flat, with the words of all enumerations together.
    fn one_of(choices: impl Iterator<Item = Shape>) -> Self {
        let mut flat: Vec<Shape> = Vec::new();
        for choice in choices {
            let choices = match choice {
                Self::OneOf(choices) => choices,
                other => vec![other],
            };
            for choice in choices {
                let words = flat.iter_mut().find_map(|shape| match shape {
                    Self::Word(words) => Some(words),
                    _ => None,
                });
                match (choice, words) {
                    (Self::Word(more), Some(words)) => words.extend(more),
                    (choice, _) => flat.push(choice),
                }
            }
        }
        if flat.len() == 1 {
            flat.remove(0)
        } else {
            Self::OneOf(flat)
        }
    }

    /// The possibilities, without null.
    pub(crate) fn choices(&self) -> impl Iterator<Item = &Shape> {
        let all = match self {
            Self::OneOf(choices) => choices.as_slice(),
            one => std::slice::from_ref(one),
        };
        all.iter().filter(|shape| !matches!(shape, Self::Null))
    }

    pub(crate) fn takes_null(&self) -> bool {
        match self {
            Self::Null | Self::Anything => true,
            Self::OneOf(choices) => choices.iter().any(Self::takes_null),
            _ => false,
        }
    }

    /// For a sentence: `It takes …`.
    pub(crate) fn describe(&self) -> String {
        self.choices()
            .map(Self::describe_one)
            .collect::<Vec<_>>()
            .join(", or ")
    }

    fn describe_one(&self) -> String {
        match self {
            Self::Anything | Self::OneOf(_) => "anything".into(),
            Self::Null => "nothing".into(),
            Self::Flag => "true or false".into(),
            Self::Number => "a number".into(),
            Self::Text => "text".into(),
            Self::Word(words) => alternatives(words),
            Self::List(item) => match item.as_ref() {
                Self::Text => "a list of texts".into(),
                Self::Word(words) => format!("a list of {}", alternatives(words)),
                _ => "a list of maps".into(),
            },
            Self::Map(value) => match value.choices().next() {
                Some(Self::Text) => "a map of names to texts".into(),
                _ => "a map of names to maps".into(),
            },
            Self::Struct(fields) => {
                let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
                format!("a map with the keys {}", names.join(", "))
            }
        }
    }
}

/// `a, b or c`
pub(crate) fn alternatives<S: AsRef<str>>(words: &[S]) -> String {
    match words {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        [first @ .., last] => {
            let first: Vec<&str> = first.iter().map(AsRef::as_ref).collect();
            format!("{} or {}", first.join(", "), last.as_ref())
        }
    }
}
