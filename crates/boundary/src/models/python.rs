//! `SQLAlchemy` (declarative and tables), `SQLModel`, Django.

use super::{Model, Models, Relation, Target, argument, name_at, plural, qualified, snake};
use crate::source::{Code, Kind};

pub(super) fn read(code: &Code, out: &mut Models) {
    let mut class = Class::default();
    for at in 0..code.tokens.len() {
        let token = code.tokens[at];
        if code.is(at, "class") && token.fresh_line {
            let column = column(code, at);
            if column == 0 {
                class.finish(out);
                class = Class::begin(code, at);
            }
            continue;
        }
        if token.fresh_line
            && column(code, at) == 0
            && !matches!(token.kind, Kind::Mark(b')' | b']' | b'}'))
        {
            class.finish(out);
            class = Class::default();
        }
        class.line(code, at, out);
        // `users = Table('users', metadata, …)`
        if code.is(at, "Table")
            && code.is_mark(at + 1, b'(')
            && code.is_mark(at.wrapping_sub(1), b'=')
            && let (Some(name), Some(table)) = (code.word(at.wrapping_sub(2)), code.plain(at + 2))
        {
            let schema = argument(code, at + 1, "schema").map(|(text, _)| text);
            out.classes.push(Model {
                class: name.to_owned(),
                tables: vec![qualified(schema, table)],
                bases: Vec::new(),
                explicit: true,
                named: None,
                package: String::new(),
            });
            for i in at..code.partner(at + 1).min(code.tokens.len()) {
                foreign_key(code, i, name, out);
            }
        }
    }
    class.finish(out);
}

fn column(code: &Code, at: usize) -> usize {
    let start = code.tokens[at].start;
    start
        - code.text[..start]
            .rfind('\n')
            .map_or(0, |newline| newline + 1)
}

#[derive(Default)]
struct Class {
    name: Option<(String, usize)>,
    django: bool,
    mapped: bool,
    bases: Vec<String>,
    table: Option<(String, usize)>,
    named: Option<String>,
    schema: Option<String>,
    is_abstract: bool,
}

impl Class {
    fn begin(code: &Code, at: usize) -> Self {
        let mut class = Self::default();
        let Some(name) = code.word(at + 1) else {
            return class;
        };
        class.name = Some((name.to_owned(), at + 1));
        if code.is_mark(at + 2, b'(') {
            for i in at + 3..code.partner(at + 2).min(code.tokens.len()) {
                let Some(base) = code.word(i) else { continue };
                if base.starts_with(|c: char| c.is_ascii_uppercase()) {
                    class.bases.push(base.to_owned());
                }
                class.django |= base == "Model" && code.is(i.wrapping_sub(2), "models");
                class.mapped |= base == "Model" && code.is(i.wrapping_sub(2), "db");
                if base == "table" && code.is_mark(i + 1, b'=') && code.is(i + 2, "True") {
                    class.mapped = true;
                }
            }
        }
        class
    }

    fn line(&mut self, code: &Code, at: usize, out: &mut Models) {
        let Some((name, _)) = &self.name else { return };
        let Some(word) = code.word(at) else { return };
        match word {
            "__tablename__" | "db_table"
                if code.is_mark(at + 1, b'=') || code.is_mark(at + 1, b':') =>
            {
                let value = (at + 2..at + 5).find(|&i| code.literal(i).is_some());
                if let Some(value) = value
                    && let Some(table) = code.plain(value)
                {
                    // Django's way to say a schema: 'crm"."customers'.
                    self.table = Some((table.replace("\".\"", ".").replace('"', ""), value));
                } else {
                    self.named = name_at(code, at + 2);
                }
            }
            "__table_args__" => {
                let limit = (at + 60).min(code.tokens.len());
                self.schema = (at..limit)
                    .find(|&i| {
                        code.plain(i).as_deref() == Some("schema") && code.is_mark(i + 1, b':')
                    })
                    .and_then(|i| code.plain(i + 2));
            }
            "abstract" if code.is_mark(at + 1, b'=') && code.is(at + 2, "True") => {
                self.is_abstract = true;
            }
            "ForeignKey" | "OneToOneField" | "ManyToManyField" | "relationship"
                if code.is_mark(at + 1, b'(') =>
            {
                let name = name.clone();
                foreign_key(code, at, &name, out);
            }
            _ => {}
        }
    }

    fn finish(&mut self, out: &mut Models) {
        let Some((name, _)) = self.name.take() else {
            return;
        };
        let mut bases = Vec::new();
        let (tables, explicit) = match self.table.take() {
            Some((table, _)) => (vec![qualified(self.schema.take(), table)], true),
            None if self.mapped || self.named.is_some() => (
                vec![snake(&name), name.to_lowercase(), plural(&snake(&name))],
                false,
            ),
            None => {
                if !self.django {
                    bases = std::mem::take(&mut self.bases);
                    if bases.is_empty() {
                        return;
                    }
                }
                // Django puts the app before it, which the folder says.
                let table = format!("*_{}", name.to_lowercase());
                (
                    if self.is_abstract {
                        Vec::new()
                    } else {
                        vec![table]
                    },
                    false,
                )
            }
        };
        out.classes.push(Model {
            class: name,
            tables,
            bases,
            explicit,
            named: self.named.take(),
            package: String::new(),
        });
    }
}

/// `ForeignKey('teams.id')` of `SQLAlchemy`, `ForeignKey('app.Model')` and `ForeignKey(Model)` of
/// Django, `relationship('Team')`.
fn foreign_key(code: &Code, at: usize, class: &str, out: &mut Models) {
    if !code.word(at).is_some_and(|word| {
        matches!(
            word,
            "ForeignKey" | "OneToOneField" | "ManyToManyField" | "relationship"
        )
    }) {
        return;
    }
    let django = code.is(at.wrapping_sub(2), "models")
        || !code.is(at, "ForeignKey") && !code.is(at, "relationship");
    let mut value = at + 2;
    if code.is(value, "to") && code.is_mark(value + 1, b'=') {
        value += 2;
    }
    let target = if let Some(text) = code.plain(value) {
        let mut parts: Vec<&str> = text.split('.').collect();
        if django || code.is(at, "relationship") {
            Target::Class(parts.pop().unwrap_or_default().to_owned())
        } else {
            if parts.len() < 2 {
                return;
            }
            parts.pop();
            Target::Table(parts.join("."))
        }
    } else {
        // `customers.Customer`, `Customer.id`, `lambda: Customer`
        let mut place = value;
        while code.is_mark(place + 1, b'.')
            && code
                .word(place + 2)
                .is_some_and(|word| word.starts_with(|c: char| c.is_ascii_uppercase()))
        {
            place += 2;
        }
        value = place;
        match code.word(place) {
            Some(word) if word.starts_with(|c: char| c.is_ascii_uppercase()) => {
                Target::Class(word.to_owned())
            }
            _ => return,
        }
    };
    if matches!(&target, Target::Class(name) if name == "self" || name == class) {
        return;
    }
    let back = ["related_name", "backref", "back_populates"]
        .iter()
        .find_map(|key| argument(code, at + 1, key))
        .map_or_else(
            || {
                if django {
                    class.to_lowercase()
                } else {
                    String::new()
                }
            },
            |(name, _)| name,
        );
    out.relations.push(Relation {
        class: class.to_owned(),
        field: field_before(code, at),
        back,
        target,
        start: code.tokens[value].start,
        end: code.tokens[value].end,
    });
}

/// The name that the value at `at` is given to: `customer = models.ForeignKey(…)`,
/// `customer: Mapped[Customer] = relationship()`.
fn field_before(code: &Code, at: usize) -> String {
    (at.saturating_sub(16)..at)
        .rev()
        .find(|&i| code.tokens[i].fresh_line)
        .and_then(|i| code.word(i))
        .unwrap_or_default()
        .to_owned()
}
