//! `TypeORM`, `MikroORM`, Sequelize, Drizzle.

use super::{
    Model, Models, Relation, Repository, Target, argument, class_behind, constant, customary,
    name_at, qualified,
};
use crate::source::Code;
use crate::source::symbols::Symbols;

pub(super) fn read(code: &Code, symbols: &Symbols, out: &mut Models) {
    for at in 0..code.tokens.len() {
        let Some(word) = code.word(at) else { continue };
        match word {
            "Entity" | "ViewEntity" | "ChildEntity" | "Table"
                if code.is_mark(at.wrapping_sub(1), b'@') =>
            {
                decorated(code, at, out);
            }
            "define" if code.is_mark(at + 1, b'(') && code.is_mark(at.wrapping_sub(1), b'.') => {
                defined(code, at, out);
            }
            "init" if code.is_mark(at.wrapping_sub(1), b'.') && code.is_mark(at + 1, b'(') => {
                if let (Some(class), Some((table, _))) = (
                    code.word(at.wrapping_sub(2)),
                    argument(code, at + 1, "tableName"),
                ) {
                    push(out, class, vec![table], true);
                }
            }
            "pgTable" | "mysqlTable" | "sqliteTable" | "table" if code.is_mark(at + 1, b'(') => {
                drizzle(code, at, out);
            }
            "extends" => repository(code, at, out),
            "ManyToOne" | "OneToMany" | "OneToOne" | "ManyToMany" | "BelongsTo" | "HasMany"
            | "HasOne" | "ForeignKey"
                if code.is_mark(at.wrapping_sub(1), b'@') =>
            {
                relation(code, symbols, at, out);
            }
            "belongsTo" | "hasMany" | "hasOne" | "belongsToMany"
                if code.is_mark(at.wrapping_sub(1), b'.') =>
            {
                if let (Some(class), Some(target)) =
                    (code.word(at.wrapping_sub(2)), code.word(at + 2))
                {
                    // `models.Customer`
                    let target = if code.is_mark(at + 3, b'.') {
                        code.word(at + 4).unwrap_or(target)
                    } else {
                        target
                    };
                    let field = argument(code, at + 1, "as").map_or(String::new(), |(own, _)| own);
                    let target = Target::Class(target.to_owned());
                    relate(out, class, &field, target, code, at + 2);
                }
            }
            _ => {}
        }
    }
}

fn push(out: &mut Models, class: &str, tables: Vec<String>, explicit: bool) {
    out.classes.push(Model {
        class: class.to_owned(),
        tables,
        bases: Vec::new(),
        explicit,
        named: None,
        package: String::new(),
    });
}

fn relate(out: &mut Models, class: &str, field: &str, target: Target, code: &Code, at: usize) {
    out.relations.push(Relation {
        class: class.to_owned(),
        field: field.to_owned(),
        back: String::new(),
        target,
        start: code.tokens[at].start,
        end: code.tokens[at].end,
    });
}

#[expect(
    clippy::single_match_else,
    reason = "the two ways to name a table stand side by side"
)]
fn decorated(code: &Code, at: usize, out: &mut Models) {
    let behind = if code.is_mark(at + 1, b'(') {
        code.partner(at + 1) + 1
    } else {
        at + 1
    };
    let Some((class, _)) = class_behind(code, behind) else {
        return;
    };
    let named = code.plain(at + 2).map(|text| (text, at + 2)).or_else(|| {
        ["name", "tableName"]
            .iter()
            .find_map(|key| argument(code, at + 1, key))
    });
    let schema = argument(code, at + 1, "schema").map(|(text, _)| text);
    match named {
        Some((table, _)) => push(out, &class, vec![qualified(schema, table)], true),
        None => {
            push(out, &class, customary(&class, false), false);
            // `@Entity(ORDERS)`, `@Entity({ name: Tables.ORDERS })`
            let constant = ["name", "tableName"]
                .iter()
                .find_map(|key| constant(code, at + 1, key))
                .or_else(|| name_at(code, at + 2).filter(|_| code.is_mark(at + 1, b'(')));
            if let Some(model) = out.classes.last_mut() {
                model.named = constant;
            }
        }
    }
}

/// `sequelize.define('User', { … }, { tableName: 'users' })`
fn defined(code: &Code, at: usize, out: &mut Models) {
    let Some(name) = code.plain(at + 2) else {
        return;
    };
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return;
    }
    match argument(code, at + 1, "tableName") {
        Some((table, _)) => push(out, &name, vec![table], true),
        None if code.is_mark(at + 3, b',') => {
            push(out, &name, customary(&name, true), false);
        }
        None => {}
    }
}

/// `export const users = pgTable('users', { … })`
fn drizzle(code: &Code, at: usize, out: &mut Models) {
    let Some(table) = code.plain(at + 2) else {
        return;
    };
    let mut before = at;
    // `crm.table('users')` of a schema object.
    if code.is_mark(before.wrapping_sub(1), b'.') {
        before = before.wrapping_sub(2);
    } else if code.is(at, "table") {
        return;
    }
    if !code.is_mark(before.wrapping_sub(1), b'=') {
        return;
    }
    let Some(class) = code.word(before.wrapping_sub(2)) else {
        return;
    };
    push(out, class, vec![table], true);
    for i in at..code.partner(at + 1).min(code.tokens.len()) {
        // `.references(() => users.id)`
        if code.is(i, "references")
            && let Some(target) =
                (i + 2..i + 7).find_map(|place| code.word(place).map(|word| (place, word)))
        {
            relate(
                out,
                class,
                "",
                Target::Class(target.1.to_owned()),
                code,
                target.0,
            );
        }
    }
}

/// `class X extends Repository<Customer>`
fn repository(code: &Code, at: usize, out: &mut Models) {
    let (Some(class), Some(base)) = (code.word(at.wrapping_sub(1)), code.word(at + 1)) else {
        return;
    };
    if base.ends_with("Repository") && code.is_mark(at + 2, b'<') {
        if let Some(model) = code.word(at + 3) {
            out.repositories.push(Repository {
                class: class.to_owned(),
                model: model.to_owned(),
                package: String::new(),
                sure: true,
            });
        }
    } else if base == "Model"
        && !out.classes.iter().any(|model| model.class == class)
        && !code.text.contains(".init(")
    {
        // sequelize-typescript says the table before; Objection says it inside.
        let body = (at..at + 12).find(|&i| code.is_mark(i, b'{'));
        let table = body.and_then(|open| argument(code, open, "tableName"));
        if let Some((table, _)) = table {
            push(out, class, vec![table], true);
        }
    }
}

/// `@ManyToOne(() => Customer, …)`, `@ManyToOne('Customer')`
fn relation(code: &Code, symbols: &Symbols, at: usize, out: &mut Models) {
    let Some(class) = symbols.class(code.tokens[at].start) else {
        return;
    };
    let class = class.to_owned();
    let field = field_behind(code, code.partner(at + 1).saturating_add(1));
    let close = code.partner(at + 1).min(at + 12);
    let arrow = (at + 2..close).find(|&i| code.is_mark(i, b'>'));
    if let Some(arrow) = arrow
        && let Some(target) = code.word(arrow + 1)
    {
        let target = Target::Class(target.to_owned());
        relate(out, &class, &field, target, code, arrow + 1);
    } else if let Some(target) = code.plain(at + 2) {
        relate(out, &class, &field, Target::Class(target), code, at + 2);
    }
}

/// The name of the field that decorators ending before `at` are of: `@JoinColumn() owner!: User`.
fn field_behind(code: &Code, mut at: usize) -> String {
    for _ in 0..12 {
        if code.is_mark(at, b'@') {
            at += 2;
            if code.is_mark(at, b'(') {
                at = code.partner(at).saturating_add(1);
            }
        } else if code.word(at).is_some_and(|word| {
            matches!(
                word,
                "public" | "private" | "protected" | "readonly" | "declare"
            )
        }) {
            at += 1;
        } else {
            break;
        }
    }
    code.word(at).unwrap_or_default().to_owned()
}
