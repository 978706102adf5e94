//! What an event or a saga carries. Fields marked `personal` are blank from the moment this is made:
//! there is nothing that a page could show by mistake.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What stands where a personal field was.
const BLANK: &str = "personal, not shown";

/// A JSON value whose personal fields are blank.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Given")]
pub struct Payload {
    value: Value,
    /// Paths of the fields that are blank: `order.customerName`.
    personal: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    #[serde(default)]
    value: Value,
    #[serde(default)]
    personal: Vec<String>,
}

impl From<Given> for Payload {
    fn from(given: Given) -> Self {
        Self::new(given.value, given.personal)
    }
}

impl Payload {
    /// Blanks what these paths name, in every element of a list on the way.
    #[must_use]
    pub fn new(mut value: Value, personal: Vec<String>) -> Self {
        for path in &personal {
            blank(&mut value, &path.split('.').collect::<Vec<_>>());
        }
        Self { value, personal }
    }

    /// What can be shown.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.value
    }
}

fn blank(value: &mut Value, path: &[&str]) {
    match (value, path) {
        (Value::Array(all), path) if !path.is_empty() => {
            for own in all {
                blank(own, path);
            }
        }
        (Value::Object(fields), [name, rest @ ..]) => {
            if let Some(own) = fields.get_mut(*name) {
                blank(own, rest);
            }
        }
        (own, []) => *own = Value::String(BLANK.to_owned()),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn personal_fields_are_blank_everywhere() {
        let value =
            json!({"order": {"id": 1, "name": "Ada", "to": [{"email": "a@b"}, {"email": "c@d"}]}});
        let paths = vec!["order.name".to_owned(), "order.to.email".to_owned()];
        let made = Payload::new(value.clone(), paths.clone());
        let read: Payload =
            serde_json::from_value(json!({"value": value, "personal": paths})).expect("a payload");
        assert_eq!(made, read);
        let text = serde_json::to_string(&made).expect("text");
        assert!(!text.contains("Ada") && !text.contains("a@b") && !text.contains("c@d"));
        assert!(
            text.contains("\"id\":1") && text.matches(BLANK).count() == 3,
            "{text}"
        );
    }
}
