//! The stable form for machines, and audits that were kept.
//!
//! Everything in [`Report`] under its own name, with what follows from it: `verdict` and `matrix`.
//! Those two are not read back.

use freehold_model::Fault;
use serde_json::{Value, json};

use super::{Report, VERSION};

impl Report {
    /// One object; ends with a line end.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut value = json!(self);
        if let Value::Object(keys) = &mut value {
            keys.insert("verdict".to_owned(), json!(self.verdict()));
            keys.insert("matrix".to_owned(), json!(self.matrix()));
        }
        // Texts and finite numbers are always JSON.
        serde_json::to_string_pretty(&value).unwrap_or_default() + "\n"
    }

    /// Reads what [`Report::to_json`] wrote.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let refused = |why: String| {
            Fault::new("FH2209", format!("the audit cannot be read: {why}"))
                .help("it is written by `freehold audit --json`; write it anew, or use the program that wrote it")
        };
        let value: Value =
            serde_json::from_str(text).map_err(|error| refused(error.to_string()))?;
        let version = value.get("version").and_then(Value::as_u64);
        if version != Some(u64::from(VERSION)) {
            let found = version.map_or_else(|| "none".to_owned(), |own| own.to_string());
            return Err(refused(format!(
                "it has version {found}, and this program knows {VERSION}"
            )));
        }
        serde_json::from_value(value).map_err(|error| refused(error.to_string()))
    }
}
