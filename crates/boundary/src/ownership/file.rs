//! `boundaries.yaml`: ownership for systems that have no description yet.
//!
//! Owns reading and writing of that file. Unknown keys are errors, with their place.

use std::fmt::Write as _;
use std::path::Path;

use freehold_model::{Fault, Place, nearest};
use saphyr::{LoadableYamlNode as _, MarkedYaml, Scalar, YamlData};

use super::system::tests;
use super::{Allow, Context, Origin, Ownership};
use crate::finding::Kind;
use crate::scan::dialect_named;

const CONTEXT_KEYS: &[&str] = &[
    "team",
    "tables",
    "schemas",
    "code",
    "dialect",
    "append_only",
    "require_down",
];

type Node<'a> = MarkedYaml<'a>;

impl Ownership {
    /// Reads the text of a `boundaries.yaml`; `path` is only named in faults. `today` is a day,
    /// `YYYY-MM-DD`: an `allow` that ended before it counts no more and is a fault of its own.
    pub fn of_file(text: &str, path: &Path) -> Result<Self, Vec<Fault>> {
        let mut reader = Reader {
            path,
            faults: Vec::new(),
        };
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let documents = MarkedYaml::load_from_str(text).map_err(|error| {
            let mark = error.marker();
            vec![
                Fault::new("FH2201", format!("the file is not YAML: {}", error.info())).at(Place {
                    file: path.to_path_buf(),
                    line: mark.line(),
                    column: mark.col() + 1,
                }),
            ]
        })?;
        let mut contexts = Vec::new();
        let (mut shared, mut test_paths, mut allows, mut dialect) =
            (Vec::new(), None, Vec::new(), None);
        if let Some(root) = documents.first() {
            for (key, node) in
                reader.entries(root, &["contexts", "shared", "tests", "allow", "dialect"])
            {
                match key.as_str() {
                    "contexts" => contexts = reader.contexts(node),
                    "shared" => shared = reader.texts(node),
                    "tests" => test_paths = Some(reader.texts(node)),
                    "allow" => allows = reader.allows(node),
                    _ => dialect = reader.dialect(node),
                }
            }
        }
        if contexts.is_empty() && reader.faults.is_empty() {
            reader.faults.push(
                Fault::new("FH2201", "no context is named, so nothing can be checked")
                    .at(Place { file: path.to_path_buf(), line: 1, column: 1 })
                    .help("contexts: { orders: { tables: [orders, order_items], code: [src/orders/**] } }"),
            );
        }
        if !reader.faults.is_empty() {
            return Err(reader.faults);
        }
        let mut own = Self::new(
            contexts,
            Origin::File,
            &shared,
            &test_paths.unwrap_or_else(tests),
        )?;
        own.allows = allows;
        own.dialect = dialect;
        Ok(own)
    }

    /// The text of a `boundaries.yaml` that says the same.
    #[must_use]
    pub fn to_file(&self) -> String {
        let mut text = String::from(
            "# Who owns which tables and which code. `freehold check` holds code and schema against it.\n",
        );
        if let Origin::Proposal { why } = &self.origin {
            text.push_str("# A proposal, made from what the repository looks like: edit it.\n");
            for reason in why {
                let _ = writeln!(text, "#   {reason}");
            }
        }
        text.push_str("contexts:\n");
        for context in &self.contexts {
            let _ = writeln!(text, "  {}:", quoted(&context.name));
            if let Some(team) = &context.team {
                let _ = writeln!(text, "    team: {}", quoted(team));
            }
            for (key, values) in [
                ("tables", &context.tables),
                ("schemas", &context.schemas),
                ("code", &context.code),
            ] {
                if !values.is_empty() {
                    let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
                    let _ = writeln!(text, "    {key}: [{}]", values.join(", "));
                }
            }
        }
        text.push_str("# Files that belong to nobody and are not judged: seeds, dumps, whole-database scripts.\nshared: []\n");
        text
    }
}

/// Plain where YAML takes it for a text.
fn quoted(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '/' | '.'))
        && !matches!(
            text,
            "true" | "false" | "null" | "yes" | "no" | "on" | "off"
        );
    if plain {
        text.to_owned()
    } else {
        format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

struct Reader<'p> {
    path: &'p Path,
    faults: Vec<Fault>,
}

impl Reader<'_> {
    fn fault(&mut self, node: &Node, message: String, help: &str) {
        let place = Place {
            file: self.path.to_path_buf(),
            line: node.span.start.line(),
            column: node.span.start.col() + 1,
        };
        let fault = Fault::new("FH2201", message).at(place);
        self.faults.push(if help.is_empty() {
            fault
        } else {
            fault.help(help)
        });
    }

    /// The entries of a map; `known` empty: any key goes.
    fn entries<'n, 'y>(
        &mut self,
        node: &'n Node<'y>,
        known: &[&'static str],
    ) -> Vec<(String, &'n Node<'y>)> {
        let YamlData::Mapping(map) = &node.data else {
            if !matches!(node.data, YamlData::Value(Scalar::Null)) {
                self.fault(node, "keys and values belong here".to_owned(), "");
            }
            return Vec::new();
        };
        let mut found = Vec::new();
        for (key, value) in map {
            let name = if let YamlData::Value(Scalar::String(name)) = &key.data {
                name.to_string()
            } else {
                self.fault(key, "a key is a text".to_owned(), "");
                continue;
            };
            if !known.is_empty() && !known.contains(&name.as_str()) {
                let near = nearest(&name, known.iter().copied());
                let help = near.map_or_else(
                    || format!("there are: {}", known.join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                self.fault(key, format!("unknown key `{name}`"), &help);
                continue;
            }
            found.push((name, value));
        }
        found
    }

    fn text(&mut self, node: &Node) -> Option<String> {
        match &node.data {
            YamlData::Value(Scalar::String(text)) => Some(text.to_string()),
            YamlData::Value(Scalar::Integer(number)) => Some(number.to_string()),
            _ => {
                self.fault(node, "a text belongs here".to_owned(), "");
                None
            }
        }
    }

    fn texts(&mut self, node: &Node) -> Vec<String> {
        match &node.data {
            YamlData::Sequence(list) => list.iter().filter_map(|item| self.text(item)).collect(),
            YamlData::Value(Scalar::Null) => Vec::new(),
            _ => self.text(node).into_iter().collect(),
        }
    }

    fn dialect(&mut self, node: &Node) -> Option<freehold_sql::Dialect> {
        let text = self.text(node)?;
        let found = dialect_named(&text.to_ascii_lowercase());
        if found.is_none() {
            self.fault(
                node,
                format!("`{text}` is no dialect"),
                "there are: postgres, mysql, mariadb, sqlite, sqlserver, oracle",
            );
        }
        found
    }

    fn contexts(&mut self, node: &Node) -> Vec<Context> {
        let mut contexts = Vec::new();
        for (name, body) in self.entries(node, &[]) {
            let mut context = Context {
                name,
                ..Context::default()
            };
            for (key, value) in self.entries(body, CONTEXT_KEYS) {
                match key.as_str() {
                    "team" => context.team = self.text(value),
                    "tables" => context.tables = self.texts(value),
                    "schemas" => context.schemas = self.texts(value),
                    "code" => context.code = self.texts(value),
                    "append_only" => context.append_only = self.texts(value),
                    "require_down" => {
                        context.require_down =
                            matches!(value.data, YamlData::Value(Scalar::Boolean(true)));
                    }
                    _ => context.dialect = self.dialect(value),
                }
            }
            contexts.push(context);
        }
        contexts
    }

    fn allows(&mut self, node: &Node) -> Vec<Allow> {
        let YamlData::Sequence(list) = &node.data else {
            self.fault(node, "a list belongs here".to_owned(), "");
            return Vec::new();
        };
        list.iter().map(|item| self.allow(item)).collect()
    }

    fn allow(&mut self, item: &Node) -> Allow {
        let mut allow = Allow::default();
        for (key, value) in self.entries(item, &["from", "to", "table", "kinds", "reason", "until"])
        {
            match key.as_str() {
                "from" => allow.from = self.text(value),
                "to" => allow.to = self.text(value),
                "table" => allow.table = self.text(value),
                "kinds" => allow.kinds = self.kinds(value),
                "reason" => allow.reason = self.text(value).unwrap_or_default(),
                _ => {
                    allow.until = self.text(value);
                    if allow.until.as_deref().is_some_and(|day| !is_day(day)) {
                        self.fault(value, "`until` is a day, YYYY-MM-DD".to_owned(), "");
                    }
                }
            }
        }
        if allow.reason.trim().is_empty() {
            self.fault(
                item,
                "a crossing is allowed without a reason".to_owned(),
                "add `reason:`, for whoever reads this next year",
            );
        }
        allow
    }

    fn kinds(&mut self, node: &Node) -> Vec<Kind> {
        let mut kinds = Vec::new();
        for name in self.texts(node) {
            if let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.name() == name) {
                kinds.push(kind);
            } else {
                let names: Vec<&str> = Kind::ALL.into_iter().map(Kind::name).collect();
                self.fault(
                    node,
                    format!("`{name}` is no kind of crossing"),
                    &format!("there are: {}", names.join(", ")),
                );
            }
        }
        kinds
    }
}

fn is_day(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 10
        && bytes.iter().enumerate().all(|(i, byte)| {
            if i == 4 || i == 7 {
                *byte == b'-'
            } else {
                byte.is_ascii_digit()
            }
        })
}

#[cfg(test)]
mod tests_of_file {
    use super::*;

    #[test]
    fn a_file_is_read_and_written() {
        let text = "contexts:\n  orders: { tables: [orders, \"order_*\"], code: [src/orders/**], team: t }\n  books: { schemas: [b] }\nallow:\n  - { from: orders, to: books, kinds: [read], reason: \"until the copy is there\", until: 2030-01-31 }\ndialect: mysql\n";
        let own = Ownership::of_file(text, Path::new("boundaries.yaml")).expect("a good file");
        assert_eq!(own.contexts.len(), 2);
        assert_eq!(own.allows[0].kinds, [Kind::Read]);
        assert_eq!(own.dialect, Some(freehold_sql::Dialect::Mysql));
        let again =
            Ownership::of_file(&own.to_file(), Path::new("x")).expect("what we write we read");
        assert_eq!(again.contexts[0].tables, own.contexts[0].tables);
        assert_eq!(again.contexts[0].code, own.contexts[0].code);
    }

    #[track_caller]
    fn refused(text: &str, expected: &str) {
        let faults = Ownership::of_file(text, Path::new("b.yaml")).expect_err("a fault");
        let said: Vec<String> = faults
            .iter()
            .map(|fault| format!("{fault} {}", fault.help.join(" ")))
            .collect();
        assert!(said.iter().any(|line| line.contains(expected)), "{said:?}");
    }

    #[test]
    fn mistakes_have_their_places() {
        refused(
            "contexts:\n  a: { tabels: [x] }\n",
            "b.yaml:2:8: unknown key `tabels` did you mean `tables`?",
        );
        refused(
            "contexts: { a: { tables: [x] } }\nallow:\n  - { from: a }\n",
            "without a reason",
        );
        refused(
            "contexts: { a: { tables: [x] } }\nallow:\n  - { reason: x, until: soon }\n",
            "YYYY-MM-DD",
        );
        refused("contexts: { a: { dialect: db2 } }\n", "no dialect");
        refused("contexts: [", "not YAML");
        refused("", "no context");
        refused("contexts: { a: { code: [\"src/[\"] } }\n", "cannot be read");
    }
}
