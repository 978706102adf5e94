//! GORM, `ActiveRecord`, Eloquent, Doctrine, Diesel, `SeaORM`.

use super::{
    Model, Models, Relation, Target, argument, class_behind, customary, name_at, package, plural,
    qualified, snake,
};
use crate::language::Language;
use crate::source::Code;
use crate::source::symbols::Symbols;

pub(super) fn read(code: &Code, symbols: &Symbols, out: &mut Models) {
    let package = if code.language == Language::Php {
        package(code)
    } else {
        String::new()
    };
    for at in 0..code.tokens.len() {
        match code.language {
            Language::Go => gorm(code, at, out),
            Language::Ruby => active_record(code, symbols, at, out),
            Language::Php => php(code, symbols, at, &package, out),
            Language::Rust => rust(code, at, out),
            _ => {}
        }
    }
}

fn push(out: &mut Models, class: &str, tables: Vec<String>, explicit: bool, package: &str) {
    out.classes.push(Model {
        class: class.to_owned(),
        tables,
        bases: Vec::new(),
        explicit,
        named: None,
        package: package.to_owned(),
    });
}

fn relate(out: &mut Models, class: &str, field: &str, target: String, code: &Code, at: usize) {
    out.relations.push(Relation {
        class: class.to_owned(),
        field: field.to_owned(),
        back: String::new(),
        target: Target::Class(target),
        start: code.tokens[at].start,
        end: code.tokens[at].end,
    });
}

/// `func (c *Customer) TableName() string { return "customers" }`, and structs with `gorm.Model`.
fn gorm(code: &Code, at: usize, out: &mut Models) {
    if code.is(at, "TableName") && code.is_mark(at.wrapping_sub(1), b')') {
        let open = code.partner(at - 1);
        let class = (open..at).rev().find_map(|i| code.word(i));
        let value = (at..at + 12).find(|&i| code.literal(i).is_some());
        if let (Some(class), Some(value)) = (class, value)
            && let Some(table) = code.plain(value)
        {
            out.classes.retain(|model| model.class != class);
            push(out, class, vec![table], true, "");
        } else if let Some(class) = (open..at).rev().find_map(|i| code.word(i))
            && let Some(back) = (at..at + 8).find(|&i| code.is(i, "return"))
            && let Some(constant) = name_at(code, back + 1)
        {
            out.classes.retain(|model| model.class != class);
            push(out, class, customary(class, true), false, "");
            if let Some(model) = out.classes.last_mut() {
                model.named = Some(constant);
            }
        }
    } else if code.is(at, "gorm") && code.is(at + 2, "Model") && code.tokens[at].fresh_line {
        let name = (at.saturating_sub(6)..at)
            .rev()
            .find(|&i| code.is(i, "struct"));
        if let Some(class) = name.and_then(|i| code.word(i.wrapping_sub(1)))
            && !out.classes.iter().any(|model| model.class == class)
        {
            push(out, class, customary(class, true), false, "");
        }
    }
}

fn active_record(code: &Code, symbols: &Symbols, at: usize, out: &mut Models) {
    let Some(word) = code.word(at) else { return };
    match word {
        "class" if code.is_mark(at + 2, b'<') || code.is_mark(at + 4, b'<') => {
            let Some(lt) = (at + 2..at + 8).find(|&i| code.is_mark(i, b'<')) else {
                return;
            };
            let base = (lt + 1..lt + 4)
                .rev()
                .find_map(|i| code.word(i).filter(|_| !code.tokens[i].fresh_line));
            if base.is_some_and(|base| matches!(base, "ApplicationRecord" | "Base"))
                && let Some(class) = code.word(lt - 1)
            {
                push(out, class, customary(class, true), false, "");
            }
        }
        "table_name" if code.is_mark(at + 1, b'=') => {
            let class = symbols.class(code.tokens[at].start);
            if let (Some(class), Some(table)) = (class, code.plain(at + 2))
                && let Some(model) = out
                    .classes
                    .iter_mut()
                    .rev()
                    .find(|model| model.class == class)
            {
                model.tables = vec![table];
                model.explicit = true;
            }
        }
        "belongs_to" | "has_many" | "has_one" | "has_and_belongs_to_many"
            if code.is_mark(at + 1, b':') =>
        {
            let Some(class) = symbols.class(code.tokens[at].start).map(str::to_owned) else {
                return;
            };
            let named = (at..at + 24)
                .take_while(|&i| {
                    i == at || !code.tokens.get(i).is_some_and(|token| token.fresh_line)
                })
                .find(|&i| code.is(i, "class_name"))
                .and_then(|i| (i + 1..i + 4).find_map(|value| code.plain(value)));
            let Some(name) = code.word(at + 2) else {
                return;
            };
            relate(
                out,
                &class,
                name,
                named.unwrap_or_else(|| camel(name)),
                code,
                at + 2,
            );
        }
        _ => {}
    }
}

/// `order_items`: `OrderItem`.
fn camel(name: &str) -> String {
    let one = name.strip_suffix("ies").map_or_else(
        || {
            name.strip_suffix('s')
                .filter(|stem| plural(stem) == name)
                .unwrap_or(name)
                .to_owned()
        },
        |stem| format!("{stem}y"),
    );
    one.split('_')
        .map(|part| {
            let mut chars = part.chars();
            chars.next().map_or(String::new(), |first| {
                first.to_uppercase().chain(chars).collect()
            })
        })
        .collect()
}

fn php(code: &Code, symbols: &Symbols, at: usize, package: &str, out: &mut Models) {
    let Some(word) = code.word(at) else { return };
    match word {
        "class" if code.is(at + 2, "extends") => {
            if let (Some(class), Some(base)) = (code.word(at + 1), code.word(at + 3)) {
                // Concord's proxies stand for the model that they are called after.
                let stem = class.strip_suffix("Proxy").filter(|_| base == "ModelProxy");
                let table = plural(&snake(stem.unwrap_or(class)));
                push(out, class, vec![table], false, package);
                if stem.is_none()
                    && !matches!(base, "Model" | "Authenticatable" | "Pivot")
                    && let Some(model) = out.classes.last_mut()
                {
                    model.bases = vec![base.to_owned()];
                }
            }
        }
        "$table" if code.is_mark(at + 1, b'=') => {
            let class = symbols.class(code.tokens[at].start);
            if let (Some(class), Some(table)) = (class, code.plain(at + 2))
                && let Some(model) = out
                    .classes
                    .iter_mut()
                    .rev()
                    .find(|model| model.class == class)
            {
                model.tables = vec![table];
                model.explicit = true;
            }
        }
        "belongsTo" | "hasMany" | "hasOne" | "belongsToMany" | "targetEntity" => {
            let class = symbols.class(code.tokens[at].start).map(str::to_owned);
            if let (Some(class), Some(target)) = (class, code.word(at + 2)) {
                let field = if word == "targetEntity" {
                    property_behind(code, at)
                } else {
                    symbols
                        .at(code.tokens[at].start)
                        .rsplit('.')
                        .next()
                        .unwrap_or_default()
                        .to_owned()
                };
                relate(out, &class, &field, target.to_owned(), code, at + 2);
            }
        }
        // `#[ORM\Table(name: 'orders')]`
        "Table" if code.is_mark(at.wrapping_sub(1), b'\\') && code.is_mark(at + 1, b'(') => {
            let table = argument(code, at + 1, "name")
                .or_else(|| code.plain(at + 2).map(|text| (text, at + 2)));
            let attribute_end = code.partner(at + 1) + 2;
            if let (Some((table, _)), Some((class, _))) = (table, class_behind(code, attribute_end))
            {
                let schema = argument(code, at + 1, "schema").map(|(text, _)| text);
                push(out, &class, vec![qualified(schema, table)], true, package);
            }
        }
        _ => {}
    }
}

fn rust(code: &Code, at: usize, out: &mut Models) {
    let Some(word) = code.word(at) else { return };
    match word {
        "table" if code.is_mark(at + 1, b'!') && code.is_mark(at + 2, b'{') => {
            let mut name = at + 3;
            let schema = if code.is_mark(name + 1, b'.') {
                name += 2;
                code.word(name - 2).map(str::to_owned)
            } else {
                None
            };
            if let Some(table) = code.word(name) {
                push(
                    out,
                    table,
                    vec![qualified(schema, table.to_owned())],
                    true,
                    "",
                );
            }
        }
        "sea_orm" | "diesel" | "sqlx"
            if code.is_mark(at + 1, b'(') && code.is_mark(at.wrapping_sub(1), b'[') =>
        {
            let table = argument(code, at + 1, "table_name");
            if let (Some((table, _)), Some((class, _))) =
                (table, class_behind(code, code.partner(at + 1) + 2))
            {
                push(out, &class, vec![table], true, "");
            }
        }
        _ => {}
    }
}

/// The property that Doctrine's attribute at `at` is of: `private Customer $customer;`.
fn property_behind(code: &Code, at: usize) -> String {
    (at..at + 60)
        .take_while(|&i| !code.is_mark(i, b';'))
        .find_map(|i| code.word(i)?.strip_prefix('$'))
        .unwrap_or_default()
        .to_owned()
}
