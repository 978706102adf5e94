//! Prisma's schema language.

use super::{Model, Models, Relation, Target, qualified};
use crate::source::Code;

pub(super) fn read(code: &Code, out: &mut Models) {
    for at in 0..code.tokens.len() {
        let is_model =
            code.is(at, "model") && code.tokens[at].fresh_line && code.is_mark(at + 2, b'{');
        if let (true, Some(class)) = (is_model, code.word(at + 1)) {
            model(code, class, at, out);
        }
    }
}

fn model(code: &Code, class: &str, at: usize, out: &mut Models) {
    let (mut table, mut schema) = (None, None);
    for i in at + 3..code.partner(at + 2).min(code.tokens.len()) {
        let block = code.is_mark(i.wrapping_sub(1), b'@') && code.is_mark(i.wrapping_sub(2), b'@');
        if block && code.is(i, "map") {
            let value = if code.is(i + 2, "name") { i + 4 } else { i + 2 };
            table = code.plain(value);
        } else if block && code.is(i, "schema") {
            schema = code.plain(i + 2);
        } else if code.is(i, "relation") && code.is_mark(i.wrapping_sub(1), b'@') {
            // `customer Customer? @relation(fields: …)`: only the side that holds the key.
            let close = code.partner(i + 1);
            let keeps = (i..close.min(code.tokens.len())).any(|own| code.is(own, "fields"));
            let target = (i.saturating_sub(4)..i - 1)
                .rev()
                .find_map(|own| code.word(own).map(|word| (own, word)));
            if let (true, Some((own, target))) = (keeps, target) {
                out.relations.push(Relation {
                    class: class.to_owned(),
                    field: own
                        .checked_sub(1)
                        .and_then(|i| code.word(i))
                        .unwrap_or_default()
                        .to_owned(),
                    back: back_of(code, target, class),
                    target: Target::Class(target.to_owned()),
                    start: code.tokens[own].start,
                    end: code.tokens[own].end,
                });
            }
        }
    }
    let explicit = table.is_some();
    out.classes.push(Model {
        class: class.to_owned(),
        tables: vec![qualified(schema, table.unwrap_or_else(|| class.to_owned()))],
        bases: Vec::new(),
        explicit,
        named: None,
        package: String::new(),
    });
}

/// The field of `target` that holds those of `class`: `orders Order[]`.
fn back_of(code: &Code, target: &str, class: &str) -> String {
    let Some(open) = (0..code.tokens.len())
        .find(|&i| code.is(i, "model") && code.is(i + 1, target) && code.is_mark(i + 2, b'{'))
    else {
        return String::new();
    };
    (open + 3..code.partner(open + 2).min(code.tokens.len()))
        .find(|&i| code.is(i, class) && i > open + 3 && !code.tokens[i].fresh_line)
        .and_then(|i| code.word(i - 1))
        .unwrap_or_default()
        .to_owned()
}
