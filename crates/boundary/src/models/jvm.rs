//! JPA, Hibernate, Spring Data, also in Kotlin.

use super::{
    Model, Models, Relation, Repository, Target, argument, class_behind, constant, customary,
    name_at, package, qualified,
};
use crate::source::Code;
use crate::source::symbols::Symbols;

pub(super) fn read(code: &Code, symbols: &Symbols, out: &mut Models) {
    let package = package(code);
    for at in 0..code.tokens.len() {
        let Some(word) = code.word(at) else { continue };
        let annotation = code.is_mark(at.wrapping_sub(1), b'@');
        match word {
            "Entity" if annotation => entity(code, at, &package, out),
            "Table" if annotation && !code.text.contains("@Entity") => {
                entity(code, at, &package, out);
            }
            "ManyToOne" | "OneToOne" | "OneToMany" | "ManyToMany" if annotation => {
                relation(code, symbols, at, out);
            }
            "JoinTable" | "CollectionTable" | "SecondaryTable" if annotation => {
                if let (Some(class), Some((table, value))) = (
                    symbols.class(code.tokens[at].start),
                    argument(code, at + 1, "name"),
                ) {
                    out.relations.push(Relation {
                        class: class.to_owned(),
                        field: String::new(),
                        back: String::new(),
                        target: Target::Table(table),
                        start: code.tokens[value].start,
                        end: code.tokens[value].end,
                    });
                }
            }
            "extends" => repository(code, at, 1, &package, out),
            "interface" if code.is_mark(at + 2, b':') => repository(code, at + 2, 1, &package, out),
            _ => {}
        }
    }
}

fn entity(code: &Code, at: usize, package: &str, out: &mut Models) {
    let behind = if code.is_mark(at + 1, b'(') {
        code.partner(at + 1) + 1
    } else {
        at + 1
    };
    let Some((class, class_at)) = class_behind(code, behind) else {
        return;
    };
    if out.classes.iter().any(|model| model.class == class) {
        return;
    }
    // `@Table` stands before or behind `@Entity`, both before the class.
    let from = at.saturating_sub(60);
    let table_at = (from..class_at)
        .rev()
        .find(|&i| code.is(i, "Table") && code.is_mark(i.wrapping_sub(1), b'@'))
        .filter(|&i| i > at || class_behind(code, i + 1).is_some_and(|(own, _)| own == class));
    let named = table_at.and_then(|i| {
        let named = argument(code, i + 1, "name").or_else(|| argument(code, i + 1, "value"));
        named
            .or_else(|| code.plain(i + 2).map(|text| (text, i + 2)))
            .map(|(table, value)| {
                let schema =
                    argument(code, i + 1, "schema").or_else(|| argument(code, i + 1, "catalog"));
                (qualified(schema.map(|(text, _)| text), table), value)
            })
    });
    let constant = table_at.and_then(|i| {
        constant(code, i + 1, "name")
            .or_else(|| name_at(code, i + 2).filter(|own| own.contains('.')))
    });
    let (tables, explicit) = match named {
        Some((table, _)) => (vec![table], true),
        None => (customary(&class, false), false),
    };
    out.classes.push(Model {
        class,
        tables,
        bases: Vec::new(),
        named: constant.filter(|_| !explicit),
        explicit,
        package: package.to_owned(),
    });
}

/// The type of the field that the annotation is of: `Customer customer;`, `List<Order> orders;`,
/// `val customer: Customer`.
fn relation(code: &Code, symbols: &Symbols, at: usize, out: &mut Models) {
    let class = symbols.class(code.tokens[at].start);
    let Some(class) = class.or_else(|| constructed(code, at)).map(str::to_owned) else {
        return;
    };
    let mut place = if code.is_mark(at + 1, b'(') {
        code.partner(at + 1) + 1
    } else {
        at + 1
    };
    if let Some(entity) = (at + 1..place).find(|&i| code.is(i, "targetEntity"))
        && let Some(target) = code.word(entity + 2)
    {
        push(out, &class, "", target, code, entity + 2);
        return;
    }
    // Past other annotations and modifiers.
    for _ in 0..24 {
        if code.is_mark(place, b'@') {
            place += 2;
            if code.is_mark(place, b'(') {
                place = code.partner(place) + 1;
            }
        } else if code.word(place).is_some_and(|word| {
            matches!(
                word,
                "private"
                    | "protected"
                    | "public"
                    | "final"
                    | "static"
                    | "var"
                    | "val"
                    | "lateinit"
                    | "open"
                    | "override"
                    | "internal"
            )
        }) {
            place += 1;
        } else {
            break;
        }
    }
    // Kotlin: the type stands behind the name.
    let mut field = "";
    if code.is_mark(place + 1, b':') {
        field = code.word(place).unwrap_or_default();
        place += 2;
    }
    while code.is_mark(place + 1, b'.') {
        place += 2;
    }
    if code.is_mark(place + 1, b'<') {
        place += 2;
        // `Map<Key, Value>`
        if code.is_mark(place + 1, b',') {
            place += 2;
        }
    }
    if let Some(target) = code.word(place)
        && target != class
    {
        if field.is_empty() {
            let behind = (place + 1..place + 4).find(|&i| !code.is_mark(i, b'>'));
            field = behind.and_then(|i| code.word(i)).unwrap_or_default();
        }
        push(out, &class, field, target, code, place);
    }
}

fn push(out: &mut Models, class: &str, field: &str, target: &str, code: &Code, at: usize) {
    out.relations.push(Relation {
        class: class.to_owned(),
        field: field.to_owned(),
        back: String::new(),
        target: Target::Class(target.to_owned()),
        start: code.tokens[at].start,
        end: code.tokens[at].end,
    });
}

/// `interface X extends JpaRepository<Customer, Long>`
fn repository(code: &Code, at: usize, ahead: usize, package: &str, out: &mut Models) {
    let (Some(class), Some(base)) = (code.word(at.wrapping_sub(1)), code.word(at + ahead)) else {
        return;
    };
    if (base.ends_with("Repository") || base.ends_with("Dao"))
        && code.is_mark(at + ahead + 1, b'<')
        && let Some(model) = code.word(at + ahead + 2)
    {
        out.repositories.push(Repository {
            class: class.to_owned(),
            model: model.to_owned(),
            package: package.to_owned(),
            sure: true,
        });
    }
}

/// Kotlin's `class Order(@ManyToOne val customer: Customer)`: the class whose constructor holds `at`.
fn constructed<'a>(code: &Code<'a>, at: usize) -> Option<&'a str> {
    (at.saturating_sub(400)..at).rev().find_map(|i| {
        let holds = code.is(i, "class")
            && code.is_mark(i + 2, b'(')
            && (i + 2..code.partner(i + 2)).contains(&at);
        holds.then(|| code.word(i + 1))?
    })
}
