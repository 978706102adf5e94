//! Prisma's nested objects, `TypeORM`'s relations, Sequelize's includes.

use super::{STEPS, Step, Way, aliased, parts};
use crate::source::Code;

pub(super) fn read(code: &Code) -> Vec<Way> {
    let mut ways = Vec::new();
    let repositories = repositories(code);
    for at in 1..code.tokens.len() {
        let Some(call) = code.word(at) else { continue };
        if !code.is_mark(at - 1, b'.') || !code.is_mark(at + 1, b'(') {
            continue;
        }
        let Some(receiver) = at.checked_sub(2).and_then(|i| code.word(i)) else {
            continue;
        };
        match call {
            "findMany" | "findFirst" | "findUnique" | "findFirstOrThrow" | "findUniqueOrThrow"
            | "count" | "aggregate" | "groupBy" | "updateMany" | "deleteMany" | "update"
            | "upsert" | "create"
                if is_prisma(code, at) =>
            {
                nested(code, at + 2, receiver, &mut Vec::new(), 0, &mut ways);
            }
            "find" | "findOne" | "findAndCount" | "findOneOrFail" | "findBy" | "findOneBy" => {
                if let Some((_, model)) = repositories.iter().find(|(name, _)| *name == receiver) {
                    relations(code, at + 1, model, &mut ways);
                }
            }
            "findAll" | "findByPk" | "findAndCountAll" if starts_large(receiver) => {
                included(code, at + 1, receiver, &mut ways);
            }
            _ => {}
        }
    }
    ways.extend(aliased::read(code, &repositories));
    ways
}

fn starts_large(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_uppercase())
}

fn is_prisma(code: &Code, at: usize) -> bool {
    at.checked_sub(4)
        .and_then(|i| code.word(i))
        .is_some_and(|client| {
            client.to_ascii_lowercase().contains("prisma")
                || matches!(client, "tx" | "db" | "client")
        })
}

/// The keys of an object at `at`, one within another: those that are relations the schema tells.
fn nested(
    code: &Code,
    at: usize,
    model: &str,
    before: &mut Vec<Step>,
    depth: usize,
    ways: &mut Vec<Way>,
) {
    let object = code.is_mark(at, b'{') || code.is_mark(at, b'[');
    if !object || depth > 2 * STEPS {
        return;
    }
    let close = code.partner(at).min(code.tokens.len());
    let mut next = at + 1;
    while next < close {
        if code.is_mark(next, b'{') || code.is_mark(next, b'[') {
            nested(code, next, model, before, depth + 1, ways);
            next = code.partner(next).saturating_add(1);
            continue;
        }
        let key = code.word(next).filter(|_| code.is_mark(next + 1, b':'));
        let Some(key) = key else {
            next = match code.mark(next) {
                Some(b'(') => code.partner(next).saturating_add(1),
                _ => next + 1,
            };
            continue;
        };
        let value = next + 2;
        let object = code.is_mark(value, b'{') || code.is_mark(value, b'[');
        // `include: { customer: true }`; what is `false` is not fetched.
        if (object || code.is(value, "true")) && before.len() < STEPS {
            let operator = is_operator(key);
            if !operator && let Some(step) = super::step(code, next) {
                before.push(step);
                ways.push(Way {
                    from: model.to_owned(),
                    steps: before.clone(),
                    by_name: false,
                });
            }
            nested(code, value, model, before, depth + 1, ways);
            if !operator {
                before.pop();
            }
        }
        next = if object {
            code.partner(value).saturating_add(1)
        } else {
            value + 1
        };
    }
}

fn is_operator(key: &str) -> bool {
    matches!(
        key,
        "include"
            | "select"
            | "where"
            | "orderBy"
            | "some"
            | "every"
            | "none"
            | "is"
            | "isNot"
            | "AND"
            | "OR"
            | "NOT"
            | "data"
            | "create"
            | "update"
            | "upsert"
            | "connectOrCreate"
            | "_count"
    )
}

/// `private orders: Repository<Order>`: names and their models.
fn repositories<'a>(code: &Code<'a>) -> Vec<(&'a str, &'a str)> {
    (2..code.tokens.len())
        .filter(|&at| {
            code.is(at, "Repository") && code.is_mark(at + 1, b'<') && code.is_mark(at - 1, b':')
        })
        .filter_map(|at| Some((code.word(at - 2)?, code.word(at + 2)?)))
        .collect()
}

/// `find({ relations: ['customer.address'] })`, `find({ relations: { customer: true } })`
fn relations(code: &Code, open: usize, model: &str, ways: &mut Vec<Way>) {
    let close = code.partner(open).min(code.tokens.len());
    let Some(at) = (open..close).find(|&i| code.is(i, "relations") && code.is_mark(i + 1, b':'))
    else {
        return;
    };
    if code.is_mark(at + 2, b'{') {
        return nested(code, at + 2, model, &mut Vec::new(), 0, ways);
    }
    for i in at + 3..code.partner(at + 2).min(close) {
        if let Some(text) = code.plain(i) {
            ways.push(Way {
                from: model.to_owned(),
                steps: parts(&text, ".", code.literal_start(i)),
                by_name: false,
            });
        }
    }
}

/// `Order.findAll({ include: [Customer] })`, `include: { model: Customer }`, `include: 'customer'`
fn included(code: &Code, open: usize, model: &str, ways: &mut Vec<Way>) {
    let close = code.partner(open).min(code.tokens.len());
    for i in open..close {
        if !code.is(i, "include") || !code.is_mark(i + 1, b':') {
            continue;
        }
        let end = match code.mark(i + 2) {
            Some(b'[' | b'{') => code.partner(i + 2).min(close),
            _ => i + 3,
        };
        for place in i + 2..end {
            let direct = matches!(code.mark(place.wrapping_sub(1)), Some(b'[' | b',' | b':'))
                && matches!(code.mark(place + 1), Some(b']' | b',' | b'}') | None);
            let of_model = code.is(place.wrapping_sub(2), "model");
            let key = code.is_mark(place.wrapping_sub(1), b':') && !of_model && place != i + 2;
            if !direct || key {
                continue;
            }
            if let Some(text) = code.plain(place) {
                ways.push(Way {
                    from: model.to_owned(),
                    steps: parts(&text, ".", code.literal_start(place)),
                    by_name: true,
                });
            } else if let Some(step) =
                super::step(code, place).filter(|own| starts_large(&own.name))
            {
                ways.push(Way {
                    from: model.to_owned(),
                    steps: vec![step],
                    by_name: true,
                });
            }
        }
    }
}
