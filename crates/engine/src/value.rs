//! Values that cross the contract. Moving whole tables uses another path (columnar), not these.

/// One value of a row or an argument of a statement.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// SQL NULL.
    Null,
    /// A truth value; engines without one give 0 and 1 as [`Value::I64`].
    Bool(bool),
    /// Any integer that fits.
    I64(i64),
    /// Double precision.
    F64(f64),
    /// Text, and every type that has no case of its own here, in the engine's text form.
    Text(String),
    /// Raw bytes.
    Bytes(Vec<u8>),
}

impl Value {
    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The integer, if it is one.
    pub fn int(&self) -> Option<i64> {
        match self {
            Self::I64(number) => Some(*number),
            Self::Bool(truth) => Some(i64::from(*truth)),
            _ => None,
        }
    }

    /// The integer, also where the engine gave it as text.
    pub fn whole(&self) -> Option<i64> {
        self.int().or_else(|| self.text()?.parse().ok())
    }

    /// The truth value; a number is true when it is not 0.
    pub fn truth(&self) -> Option<bool> {
        match self {
            Self::Bool(truth) => Some(*truth),
            Self::I64(number) => Some(*number != 0),
            _ => None,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::I64(number)
    }
}

impl From<Option<String>> for Value {
    fn from(text: Option<String>) -> Self {
        text.map_or(Self::Null, Self::Text)
    }
}

/// Rows of a query in the order in which the engine gave them.
pub type Rows = Vec<Vec<Value>>;
