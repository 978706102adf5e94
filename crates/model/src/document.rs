//! One YAML file of a feature's own, held to its type's shape, with the place of each value.
//!
//! What features build on: syntax, unknown keys, wrong kinds and missing keys are reported here
//! as for the description's own files; what the values mean is the feature's to check, with
//! [`Document::place`] for its faults.

use std::path::Path;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::check::{Completeness, check};
use crate::fault::{Fault, Place};
use crate::load::deserialise;
use crate::node::Node;
use crate::schema::schema_of;
use crate::shape::Shape;
use crate::yaml;

/// A file that fits its shape.
#[derive(Debug, Clone)]
pub struct Document {
    root: Node,
}

impl Document {
    /// Reads `text` as a `T`; `file` is what faults call it. On failure: everything that does not
    /// fit, in the order of the file.
    ///
    /// `T`'s schema must not contain itself; a free value is a `serde_json::Value`, which keeps
    /// the order of the file's keys.
    pub fn read<T: JsonSchema + DeserializeOwned>(
        text: &str,
        file: &Path,
    ) -> Result<(T, Self), Vec<Fault>> {
        let root = yaml::parse(text, file)?;
        let faults = check(
            &root,
            &Shape::new(&Self::schema::<T>("")),
            Completeness::Whole,
        );
        if !faults.is_empty() {
            return Err(faults);
        }
        let typed = deserialise(&root).map_err(|fault| vec![fault])?;
        Ok((typed, Self { root }))
    }

    /// The JSON Schema for editors.
    pub fn schema<T: JsonSchema>(title: &str) -> Value {
        schema_of::<T>(title)
    }

    /// Where the value at the end of `path` begins, or as much of the path as is written down. A
    /// number selects an item of a list.
    pub fn place<S: AsRef<str>>(&self, path: &[S]) -> Place {
        let path: Vec<&str> = path.iter().map(AsRef::as_ref).collect();
        self.root.place(&path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Recipe {
        name: String,
        parts: Vec<Value>,
    }

    #[test]
    fn values_keep_their_places_and_faults_too() {
        let text = "name: cake\nparts:\n  - { flour: 2 }\n  - [eggs]\n";
        let (recipe, document) =
            Document::read::<Recipe>(text, Path::new("r.yaml")).expect("it fits");
        assert_eq!(
            (recipe.name.as_str(), &recipe.parts[1][0]),
            ("cake", &Value::from("eggs"))
        );
        assert_eq!(
            document.place(&["parts", "1", "0"]).to_string(),
            "r.yaml:4:6"
        );

        let faults = Document::read::<Recipe>("nam: x\n", Path::new("r.yaml")).expect_err("no");
        let codes: Vec<&str> = faults.iter().map(|fault| fault.code).collect();
        assert_eq!(codes, ["FH1103", "FH1106", "FH1106"]);
    }
}
