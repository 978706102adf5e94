//! Is every document of one schema one of another?
//!
//! Goes through the kinds of documents and their parts. A yes is certain; a no comes with a
//! document where one could be made, and [`super::fits`] tries that.

use serde_json::Value;

use super::Break;
use super::accepts::accepts;
use super::sample::{is_empty, list_of, number, object_with, sample, samples};
use super::schema::{Bound, Kind, Schema};

type Answer = Result<(), Break>;

fn broken(at: &str, reason: String, example: Option<Value>) -> Answer {
    Err(Break {
        at: at.to_owned(),
        reason,
        example,
    })
}

pub(super) fn contained(from: &Schema, to: &Schema) -> Answer {
    below("", from, to)
}

fn below(at: &str, from: &Schema, to: &Schema) -> Answer {
    let alike = from.plain == to.plain && !from.plain.is_null() && !holds_ref(&from.plain);
    if alike || is_empty(from) {
        return Ok(());
    }
    for own in &from.choice {
        below(at, own, to)?;
    }
    if !from.choice.is_empty() {
        return Ok(());
    }
    if let Some(values) = &from.values {
        return each_value(at, from, values, to);
    }
    for kind in from.kinds.iter().copied() {
        let one = from.only(kind);
        if !is_empty(&one) {
            of_kind(at, &one, kind, to)?;
        }
    }
    Ok(())
}

/// What is written alike may mean something else in another file.
fn holds_ref(plain: &Value) -> bool {
    match plain {
        Value::Object(object) => object.contains_key("$ref") || object.values().any(holds_ref),
        Value::Array(all) => all.iter().any(holds_ref),
        _ => false,
    }
}

fn each_value(at: &str, from: &Schema, values: &[Value], to: &Schema) -> Answer {
    for own in values {
        if accepts(from, own) == Some(false) {
            continue;
        }
        match accepts(to, own) {
            Some(true) => {}
            Some(false) => {
                return broken(
                    at,
                    format!("{own} is not taken any more"),
                    Some(own.clone()),
                );
            }
            None => return broken(at, unknown(to), None),
        }
    }
    Ok(())
}

fn unknown(to: &Schema) -> String {
    let what = to.strange.first().map_or("a `pattern`", String::as_str);
    format!("{what} decides, which is not compared")
}

/// `from` allows this kind alone.
fn of_kind(at: &str, from: &Schema, kind: Kind, to: &Schema) -> Answer {
    if !to.choice.is_empty() {
        return any_of(at, from, to);
    }
    if !to.allows(kind) {
        let reason = format!("{} is not taken", kind.word());
        return broken(at, reason, sample(from));
    }
    if !to.strange.is_empty() {
        return broken(at, unknown(to), None);
    }
    if let Some(values) = &to.values {
        return within_values(at, from, values, to);
    }
    match kind {
        Kind::Null | Kind::Boolean => Ok(()),
        Kind::Whole | Kind::Fraction => numbers(at, from, to),
        Kind::Text => texts(at, from, to),
        Kind::List => lists(at, from, to),
        Kind::Object => objects(at, from, to),
    }
}

/// One of the choices has to take everything; more than one together is not looked for.
fn any_of(at: &str, from: &Schema, to: &Schema) -> Answer {
    let mut found: Option<Break> = None;
    for own in &to.choice {
        let Err(next) = below(at, from, own) else {
            return Ok(());
        };
        let certain = |one: &Break| one.example.as_ref().is_some_and(|_| one.at == at);
        let refused = next.at != at
            || next
                .example
                .as_ref()
                .is_some_and(|document| accepts(to, document) == Some(false));
        if found.as_ref().is_none_or(|before| !certain(before)) && refused {
            found = Some(next);
        }
    }
    Err(found.unwrap_or_else(|| Break {
        at: at.to_owned(),
        reason: "no single choice takes all of it".to_owned(),
        example: None,
    }))
}

/// Everything that `from` takes is one of these values, or not.
fn within_values(at: &str, from: &Schema, values: &[Value], to: &Schema) -> Answer {
    let found = samples(from, values.len() + 1);
    let other = found.all.iter().find(|own| accepts(to, own) == Some(false));
    match other {
        Some(own) => broken(
            at,
            format!("{own} is not one of the values"),
            Some(own.clone()),
        ),
        None if found.complete => Ok(()),
        None => broken(at, "only certain values are taken".to_owned(), None),
    }
}

fn numbers(at: &str, from: &Schema, to: &Schema) -> Answer {
    // A low end, and a high end seen in a mirror.
    let mirrored = |own: Bound| Bound {
        value: -own.value,
        open: own.open,
    };
    end(
        at,
        (from, from.low),
        (to, to.low),
        ("small", "below"),
        |own| own,
    )?;
    let (mine, theirs) = (from.high.map(mirrored), to.high.map(mirrored));
    end(at, (from, mine), (to, theirs), ("great", "above"), |own| {
        -own
    })?;
    steps(at, from, to)
}

/// Does `to` begin where `from` begins, or before? `back` gives the number that is meant.
fn end(
    at: &str,
    (from, mine): (&Schema, Option<Bound>),
    (to, theirs): (&Schema, Option<Bound>),
    (word, side): (&str, &str),
    back: fn(f64) -> f64,
) -> Answer {
    let Some(low) = theirs else {
        return Ok(());
    };
    if mine.is_some_and(|own| (own.value, own.open) >= (low.value, low.open)) {
        return Ok(());
    }
    let mut candidates = near(low.value).to_vec();
    if let Some(own) = mine {
        candidates.extend(near(own.value));
        candidates.push(f64::midpoint(own.value, low.value));
    }
    let mut tried = candidates.into_iter().map(|own| number(back(own)));
    let example =
        tried.find(|own| accepts(from, own) == Some(true) && accepts(to, own) == Some(false));
    match example {
        Some(own) => broken(at, format!("{own} is too {word}"), Some(own)),
        None if whole_alike(from, to) => Ok(()),
        None => {
            let reason = format!("numbers {side} {} are not taken", back(low.value));
            broken(at, reason, None)
        }
    }
}

/// Numbers around an end.
fn near(edge: f64) -> [f64; 9] {
    let (below, above) = (edge.floor(), edge.ceil());
    [
        edge,
        below,
        above,
        below - 1.0,
        above + 1.0,
        edge - 0.5,
        edge + 0.5,
        edge - 0.25,
        edge + 0.25,
    ]
}

fn steps(at: &str, from: &Schema, to: &Schema) -> Answer {
    let Some(step) = to.step else {
        return Ok(());
    };
    let is_step = |own: f64| ((own / step).round() * step - own).abs() < 1e-9;
    let whole = from.allows(Kind::Whole) && is_step(1.0);
    if whole || from.step.is_some_and(is_step) {
        return Ok(());
    }
    let found = samples(from, 64);
    let other = found
        .all
        .into_iter()
        .find(|own| accepts(to, own) == Some(false));
    let reason = format!("only multiples of {step} are taken");
    broken(at, reason, other)
}

/// Whole numbers within ends that differ by less than one may be the same ones.
fn whole_alike(from: &Schema, to: &Schema) -> bool {
    if !from.allows(Kind::Whole) {
        return false;
    }
    let first = |own: &Schema| {
        own.low.map(|low| {
            if low.open {
                low.value.floor() + 1.0
            } else {
                low.value.ceil()
            }
        })
    };
    let last = |own: &Schema| {
        own.high.map(|high| {
            if high.open {
                high.value.ceil() - 1.0
            } else {
                high.value.floor()
            }
        })
    };
    let low = match (first(from), first(to)) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(a), Some(b)) => a >= b,
    };
    let high = match (last(from), last(to)) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(a), Some(b)) => a <= b,
    };
    low && high
}

fn texts(at: &str, from: &Schema, to: &Schema) -> Answer {
    if let Some(pattern) = &to.pattern
        && from.pattern.as_ref() != Some(pattern)
    {
        return broken(
            at,
            format!("texts that do not match `{pattern}` are not taken"),
            None,
        );
    }
    if from.shortest < to.shortest {
        let reason = format!("texts shorter than {} are not taken", to.shortest);
        return broken(at, reason, sample(from));
    }
    let Some(longest) = to.longest else {
        return Ok(());
    };
    if from.longest.is_none_or(|own| own > longest) {
        let mut longer = from.clone();
        longer.shortest = from.shortest.max(longest.saturating_add(1));
        return broken(
            at,
            format!("texts longer than {longest} are not taken"),
            sample(&longer),
        );
    }
    Ok(())
}

fn lists(at: &str, from: &Schema, to: &Schema) -> Answer {
    if from.fewest < to.fewest {
        let reason = format!("lists of fewer than {} are not taken", to.fewest);
        return broken(at, reason, list_of(from, None, from.fewest));
    }
    let none = from.items.as_deref().is_some_and(is_empty);
    let most = if none { Some(0) } else { from.most };
    if let Some(longest) = to.most
        && most.is_none_or(|own| own > longest)
    {
        let length = from.fewest.max(longest.saturating_add(1));
        let reason = format!("lists of more than {longest} are not taken");
        return broken(at, reason, list_of(from, None, length));
    }
    if most == Some(0) {
        return Ok(());
    }
    if to.unique && !from.unique && most.is_none_or(|own| own > 1) {
        let example = list_of(from, None, from.fewest.max(2));
        return broken(at, "an item twice is not taken".to_owned(), example);
    }
    let Some(items) = to.items.as_deref() else {
        return Ok(());
    };
    let anything = Schema::of(&Value::Bool(true)).ok();
    let Some(own) = from.items.as_deref().or(anything.as_ref()) else {
        return Ok(());
    };
    below(&format!("{at}/*"), own, items).map_err(|inner| Break {
        example: inner
            .example
            .and_then(|item| list_of(from, Some(item), from.fewest.max(1))),
        ..inner
    })
}

fn objects(at: &str, from: &Schema, to: &Schema) -> Answer {
    for name in &to.required {
        if !from.required.contains(name) {
            let example = object_with(from, None);
            return broken(
                &format!("{at}/{name}"),
                format!("`{name}` has to be there, and may be missing"),
                example,
            );
        }
    }
    let anything = Schema::of(&Value::Bool(true)).ok();
    let mut names: Vec<&String> = from.fields.keys().chain(to.fields.keys()).collect();
    names.extend(from.required.iter());
    names.sort();
    names.dedup();
    for name in names {
        let Some(other) = to.field(name) else {
            continue;
        };
        let Some(own) = from.field(name).or(anything.as_ref()) else {
            continue;
        };
        below(&format!("{at}/{name}"), own, other).map_err(|inner| Break {
            example: inner
                .example
                .and_then(|value| object_with(from, Some((name, value)))),
            ..inner
        })?;
    }
    // A field that neither names.
    let Some(other) = to.rest.as_deref() else {
        return Ok(());
    };
    let Some(own) = from.rest.as_deref().or(anything.as_ref()) else {
        return Ok(());
    };
    let fresh = fresh_name(from, to);
    below(&format!("{at}/*"), own, other).map_err(|inner| Break {
        reason: format!("of fields that are not named: {}", inner.reason),
        example: inner
            .example
            .and_then(|value| object_with(from, Some((&fresh, value)))),
        ..inner
    })
}

fn fresh_name(from: &Schema, to: &Schema) -> String {
    let mut name = "more".to_owned();
    while from.fields.contains_key(&name) || to.fields.contains_key(&name) {
        name.push('_');
    }
    name
}
