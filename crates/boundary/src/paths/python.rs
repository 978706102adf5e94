//! Django's look-ups and `SQLAlchemy`'s attributes.

use super::{REACH, Step, Way, parts};
use crate::source::Code;

pub(super) fn read(code: &Code) -> Vec<Way> {
    let mut ways = Vec::new();
    for at in 0..code.tokens.len() {
        if code.is(at, "objects") && code.is_mark(at.wrapping_sub(1), b'.') {
            if let Some(model) = at.checked_sub(2).and_then(|i| code.word(i)) {
                django(code, model, at, &mut ways);
            }
        } else if code.word(at).is_some_and(follows) && code.is_mark(at + 1, b'(') {
            alchemy(code, at, &mut ways);
        }
    }
    ways
}

/// `Order.objects.filter(customer__name=x).select_related("customer")`
fn django(code: &Code, model: &str, objects: usize, ways: &mut Vec<Way>) {
    let mut at = objects + 1;
    while code.is_mark(at, b'.') && code.word(at + 1).is_some() {
        let call = code.word(at + 1).unwrap_or_default();
        if !code.is_mark(at + 2, b'(') {
            at += 2;
            continue;
        }
        let close = code.partner(at + 2).min(code.tokens.len());
        for i in at + 3..close.min(at + REACH) {
            if let Some(word) = code.word(i).filter(|word| word.contains("__"))
                && code.is_mark(i + 1, b'=')
            {
                push(
                    model,
                    looked_up(parts(word, "__", code.tokens[i].start)),
                    ways,
                );
            } else if names_fields(code, call, i)
                && let Some(text) = code.plain(i)
            {
                let start = code.literal_start(i);
                let sign = usize::from(text.starts_with('-'));
                let steps = parts(&text[sign..], "__", start + sign);
                let whole = matches!(call, "select_related" | "prefetch_related");
                push(model, if whole { steps } else { looked_up(steps) }, ways);
            }
        }
        at = close + 1;
    }
}

/// Is the text at `at` the name of a field, not a value?
fn names_fields(code: &Code, call: &str, at: usize) -> bool {
    let whole = matches!(
        call,
        "select_related"
            | "prefetch_related"
            | "values"
            | "values_list"
            | "order_by"
            | "only"
            | "defer"
            | "distinct"
    );
    let expression = code.is_mark(at.wrapping_sub(1), b'(')
        && code.word(at.wrapping_sub(2)).is_some_and(|word| {
            matches!(
                word,
                "F" | "Count" | "Sum" | "Avg" | "Min" | "Max" | "OuterRef" | "Prefetch"
            )
        });
    whole && !code.is_mark(at.wrapping_sub(1), b'=') || expression
}

fn push(model: &str, steps: Vec<Step>, ways: &mut Vec<Way>) {
    let names = |own: &Step| {
        !own.name.is_empty()
            && own
                .name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    if !steps.is_empty() && steps.iter().all(names) {
        ways.push(Way {
            from: model.to_owned(),
            steps,
            by_name: false,
        });
    }
}

/// The last part is a column or a comparison; before a comparison and before the key the relation's
/// own column is enough.
fn looked_up(mut steps: Vec<Step>) -> Vec<Step> {
    let last = steps.pop();
    let own = |name: &str| {
        matches!(
            name,
            "id" | "pk" | "in" | "isnull" | "exact" | "gt" | "gte" | "lt" | "lte" | "range"
        )
    };
    if last.is_some_and(|last| own(&last.name)) {
        while steps
            .last()
            .is_some_and(|own| matches!(own.name.as_str(), "id" | "pk"))
        {
            steps.pop();
        }
        steps.pop();
    }
    steps
}

fn follows(word: &str) -> bool {
    matches!(
        word,
        "join"
            | "outerjoin"
            | "joinedload"
            | "selectinload"
            | "subqueryload"
            | "contains_eager"
            | "immediateload"
    )
}

/// `select(Order).join(Order.customer)`, `joinedload(Order.customer)`
fn alchemy(code: &Code, at: usize, ways: &mut Vec<Way>) {
    let Some(model) = code
        .word(at + 2)
        .filter(|own| own.starts_with(|c: char| c.is_ascii_uppercase()))
    else {
        return;
    };
    if code.is_mark(at + 3, b'.')
        && let Some(step) = super::step(code, at + 4)
    {
        push(model, vec![step], ways);
    }
}
