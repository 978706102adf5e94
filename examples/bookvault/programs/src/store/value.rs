//! A value and a row, the same for all three drivers.

/// What a column holds, or a placeholder stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Null,
    Int(i64),
    Text(String),
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<Option<&str>> for Value {
    fn from(text: Option<&str>) -> Self {
        text.map_or(Self::Null, Self::from)
    }
}

/// Values in the order of the query's columns.
#[derive(Debug, Clone)]
pub(crate) struct Row(pub(super) Vec<Value>);

impl Row {
    /// A whole number; truth is 1 or 0. Zero for what is none: the queries here say what they ask.
    pub(crate) fn int(&self, at: usize) -> i64 {
        match self.0.get(at) {
            Some(Value::Int(number)) => *number,
            _ => 0,
        }
    }

    /// A text; empty for NULL.
    pub(crate) fn text(&self, at: usize) -> String {
        self.maybe(at).unwrap_or_default()
    }

    /// All columns as texts or NULL, for the library's barrier.
    pub(crate) fn texts(&self) -> Vec<Option<String>> {
        (0..self.0.len()).map(|at| self.maybe(at)).collect()
    }

    /// A text or NULL.
    pub(crate) fn maybe(&self, at: usize) -> Option<String> {
        match self.0.get(at) {
            Some(Value::Text(text)) => Some(text.trim_end().to_owned()),
            Some(Value::Int(number)) => Some(number.to_string()),
            _ => None,
        }
    }
}
