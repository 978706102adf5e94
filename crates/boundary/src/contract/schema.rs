//! A JSON Schema as the comparison sees it. How it is read is in `reader.rs`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::reader;

/// One kind of JSON value. Whole numbers are a kind of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Null,
    Boolean,
    Whole,
    Fraction,
    Text,
    List,
    Object,
}

impl Kind {
    pub(super) const ALL: [Self; 7] = [
        Self::Null,
        Self::Boolean,
        Self::Whole,
        Self::Fraction,
        Self::Text,
        Self::List,
        Self::Object,
    ];

    pub(super) fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Boolean,
            Value::Number(number) if number.as_f64().is_some_and(|own| own.fract() == 0.0) => {
                Self::Whole
            }
            Value::Number(_) => Self::Fraction,
            Value::String(_) => Self::Text,
            Value::Array(_) => Self::List,
            Value::Object(_) => Self::Object,
        }
    }

    /// As a reader calls it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "a boolean",
            Self::Whole => "a whole number",
            Self::Fraction => "a number with a fraction",
            Self::Text => "a text",
            Self::List => "a list",
            Self::Object => "an object",
        }
    }
}

/// An end of a range of numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bound {
    pub(super) value: f64,
    /// The value itself is out.
    pub(super) open: bool,
}

/// What one JSON Schema allows.
#[derive(Debug, Clone)]
pub struct Schema {
    /// Without annotations: equal ones mean the same.
    pub(super) plain: Value,
    /// Kinds that are allowed, in the order of [`Kind::ALL`].
    pub(super) kinds: Vec<Kind>,
    /// `enum` and `const`.
    pub(super) values: Option<Vec<Value>>,
    pub(super) low: Option<Bound>,
    pub(super) high: Option<Bound>,
    pub(super) step: Option<f64>,
    /// Characters of a text.
    pub(super) shortest: u64,
    pub(super) longest: Option<u64>,
    pub(super) pattern: Option<String>,
    /// Of a list, each.
    pub(super) items: Option<Box<Schema>>,
    pub(super) fewest: u64,
    pub(super) most: Option<u64>,
    pub(super) unique: bool,
    pub(super) fields: BTreeMap<String, Schema>,
    pub(super) required: BTreeSet<String>,
    /// Fields that are not named; `None`: anything.
    pub(super) rest: Option<Box<Schema>>,
    /// One of these at least; empty: no choice. Then nothing else is said here.
    pub(super) choice: Vec<Schema>,
    /// Keywords that decide and are not understood.
    pub(super) strange: Vec<String>,
}

impl Schema {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// A sentence that says why it is no JSON Schema.
    pub fn parse(text: &str) -> Result<Self, String> {
        let root: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        Self::of(&root)
    }

    /// The same of JSON.
    ///
    /// # Errors
    /// As [`Schema::parse`].
    pub fn of(root: &Value) -> Result<Self, String> {
        reader::read(root)
    }

    /// The names of its fields, where it describes an object.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &Self)> {
        self.fields.iter().map(|(name, own)| (name.as_str(), own))
    }

    /// Does it say which fields there are?
    pub(super) fn names_fields(&self) -> bool {
        self.choice.is_empty() && self.strange.is_empty() && !self.fields.is_empty()
    }

    pub(super) fn named(&self, name: &str) -> Option<&Self> {
        self.fields.get(name)
    }

    pub(super) fn requires(&self, name: &str) -> bool {
        self.required.contains(name)
    }

    /// The same for who writes: fields that are not named are not written, at any depth.
    #[must_use]
    pub(super) fn as_written(&self) -> Self {
        let mut own = self.clone();
        for field in own.fields.values_mut() {
            *field = field.as_written();
        }
        for name in &own.required {
            if !own.fields.contains_key(name) {
                let said = own
                    .rest
                    .as_deref()
                    .map_or_else(Self::anything, Self::as_written);
                own.fields.insert(name.clone(), said);
            }
        }
        // Where none is named, any may be written.
        if own.rest.is_none() && !own.fields.is_empty() {
            own.rest = Some(Box::new(Self {
                plain: Value::Bool(false),
                kinds: Vec::new(),
                ..Self::anything()
            }));
        }
        own.items = own.items.map(|items| Box::new(items.as_written()));
        own.choice = own.choice.iter().map(Self::as_written).collect();
        own
    }

    pub(super) fn allows(&self, kind: Kind) -> bool {
        self.kinds.contains(&kind)
    }

    /// What may stand in the field of this name; `None`: anything.
    pub(super) fn field(&self, name: &str) -> Option<&Self> {
        self.fields.get(name).or(self.rest.as_deref())
    }

    /// The same, of this kind alone.
    pub(super) fn only(&self, kind: Kind) -> Self {
        Self {
            kinds: vec![kind],
            plain: Value::Null,
            ..self.clone()
        }
    }

    pub(super) fn anything() -> Self {
        Self {
            plain: Value::Bool(true),
            kinds: Kind::ALL.to_vec(),
            values: None,
            low: None,
            high: None,
            step: None,
            shortest: 0,
            longest: None,
            pattern: None,
            items: None,
            fewest: 0,
            most: None,
            unique: false,
            fields: BTreeMap::new(),
            required: BTreeSet::new(),
            rest: None,
            choice: Vec::new(),
            strange: Vec::new(),
        }
    }
}
