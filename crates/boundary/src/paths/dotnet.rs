//! Entity Framework's navigation: `Include`, `ThenInclude`, properties in lambdas.

use super::{REACH, STEPS, Way, step};
use crate::builders::typed::is_context;
use crate::source::Code;

pub(super) fn read(code: &Code) -> Vec<Way> {
    let mut ways = Vec::new();
    for at in 2..code.tokens.len() {
        if !code.is_mark(at - 1, b'.') {
            continue;
        }
        let (Some(receiver), Some(set)) = (code.word(at - 2), code.word(at)) else {
            continue;
        };
        let (from, next) = if let Some(model) = repository(receiver) {
            // `_orderRepository.Query().Include(…)`
            let call = code.is_mark(at + 1, b'(');
            (
                model,
                if call {
                    code.partner(at + 1).saturating_add(1)
                } else {
                    at + 1
                },
            )
        } else if !is_context(receiver) {
            continue;
        } else if set == "Set" && code.is_mark(at + 1, b'<') {
            // `db.Set<Order>().…(`
            (code.word(at + 2).unwrap_or_default(), at + 6)
        } else {
            (set, at + 1)
        };
        chain(code, from, next, &mut ways);
    }
    ways
}

/// `_orderRepository` is one of orders, by its name.
fn repository(receiver: &str) -> Option<&str> {
    let bare = receiver.trim_start_matches('_');
    bare.strip_suffix("Repository")
        .filter(|model| !model.is_empty())
}

fn chain(code: &Code, from: &str, mut at: usize, ways: &mut Vec<Way>) {
    let mut included: Vec<super::Step> = Vec::new();
    while code.is_mark(at, b'.') && code.word(at + 1).is_some() && code.is_mark(at + 2, b'(') {
        let call = code.word(at + 1).unwrap_or_default();
        let close = code.partner(at + 2).min(code.tokens.len());
        let then = call == "ThenInclude";
        let whole = then || call == "Include";
        if call == "Include"
            && let Some(text) = code.plain(at + 3)
        {
            included = super::parts(&text, ".", code.literal_start(at + 3));
            push(from, included.clone(), ways);
        }
        let end = close.min(at + REACH);
        for i in at + 3..end {
            // `o => … o.Customer.Name`
            let parameter = code
                .word(i)
                .filter(|_| code.is_mark(i + 1, b'=') && code.is_mark(i + 2, b'>'));
            let Some(parameter) = parameter else { continue };
            for place in i + 3..end {
                if !code.is(place, parameter) || code.is_mark(place - 1, b'.') {
                    continue;
                }
                let mut steps = Vec::new();
                let mut next = place + 1;
                while code.is_mark(next, b'.')
                    && let Some(own) = step(code, next + 1)
                    && !code.is_mark(next + 2, b'(')
                {
                    steps.push(own);
                    next += 2;
                }
                if whole {
                    let before = if then && included.len() < STEPS {
                        included.clone()
                    } else {
                        Vec::new()
                    };
                    included = before.into_iter().chain(steps).collect();
                    push(from, included.clone(), ways);
                    continue;
                }
                // The last is a column; what is called is a method of what stands before.
                if !code.is_mark(next, b'.') && steps.pop().is_some_and(|own| own.name == "Id") {
                    steps.pop();
                }
                push(from, steps, ways);
            }
        }
        at = close + 1;
    }
}

fn push(from: &str, steps: Vec<super::Step>, ways: &mut Vec<Way>) {
    if !steps.is_empty() && steps.len() <= STEPS {
        ways.push(Way {
            from: from.to_owned(),
            steps,
            by_name: true,
        });
    }
}
