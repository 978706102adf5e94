//! `ActiveRecord`'s and Eloquent's names of relations: `includes(:customer)`, `with('customer')`.

use super::{Step, Way, parts, step};
use crate::language::Language;
use crate::source::Code;

pub(super) fn read(code: &Code) -> Vec<Way> {
    let mut ways = Vec::new();
    for at in 0..code.tokens.len() {
        let Some(model) = code
            .word(at)
            .filter(|own| own.starts_with(|c: char| c.is_ascii_uppercase()))
        else {
            continue;
        };
        let first = match code.language {
            Language::Php if code.is_mark(at + 1, b':') && code.is_mark(at + 2, b':') => at + 3,
            Language::Ruby if code.is_mark(at + 1, b'.') => at + 2,
            _ => continue,
        };
        calls(code, model, first, &mut ways);
    }
    ways
}

fn calls(code: &Code, model: &str, mut at: usize, ways: &mut Vec<Way>) {
    for _ in 0..24 {
        let Some(call) = code.word(at) else { return };
        let open = at + 1;
        let end = if code.is_mark(open, b'(') {
            code.partner(open).min(code.tokens.len())
        } else {
            line_end(code, at)
        };
        if follows(call) {
            names(code, model, open, end, ways);
        }
        let mut next = if code.is_mark(open, b'(') {
            end + 1
        } else {
            open
        };
        if code.is_mark(next, b'-') && code.is_mark(next + 1, b'>') {
            next += 1;
        } else if !code.is_mark(next, b'.') {
            return;
        }
        at = next + 1;
    }
}

fn line_end(code: &Code, at: usize) -> usize {
    (at + 1..code.tokens.len())
        .find(|&i| code.tokens[i].fresh_line)
        .unwrap_or(code.tokens.len())
}

fn follows(call: &str) -> bool {
    matches!(
        call,
        "joins"
            | "left_joins"
            | "left_outer_joins"
            | "includes"
            | "preload"
            | "eager_load"
            | "with"
            | "whereHas"
            | "has"
            | "withCount"
            | "orWhereHas"
            | "whereDoesntHave"
            | "doesntHave"
            | "withWhereHas"
            | "whereRelation"
    )
}

/// `:customer`, `'customer.address:id,name'`; nested ones (`order: :customer`) step by step.
fn names(code: &Code, model: &str, open: usize, end: usize, ways: &mut Vec<Way>) {
    let mut before: Vec<Step> = Vec::new();
    for i in open..end {
        if code.language == Language::Ruby {
            // `:customer`, not `Crm::Customer`.
            let symbol = code.is_mark(i.wrapping_sub(1), b':')
                && (!code.is_mark(i.wrapping_sub(2), b':')
                    || code.tokens[i - 2].end < code.tokens[i - 1].start);
            let key = code.is_mark(i + 1, b':');
            if !symbol && !key
                || !code
                    .word(i)
                    .is_some_and(|own| own.starts_with(|c: char| c.is_ascii_lowercase()))
            {
                continue;
            }
            let Some(own) = step(code, i) else { continue };
            let steps: Vec<Step> = before.iter().cloned().chain([own]).collect();
            if key {
                before.clone_from(&steps);
            }
            push(model, steps, ways);
        } else if let Some(text) = code.plain(i) {
            let path = text.split([':', ' ']).next().unwrap_or_default();
            push(model, parts(path, ".", code.literal_start(i)), ways);
            // The rest of `whereRelation('customer', 'name', 'x')` are columns and values.
            if !code.is_mark(open + 1, b'[') {
                return;
            }
        }
    }
}

fn push(model: &str, steps: Vec<Step>, ways: &mut Vec<Way>) {
    ways.push(Way {
        from: model.to_owned(),
        steps,
        by_name: false,
    });
}
