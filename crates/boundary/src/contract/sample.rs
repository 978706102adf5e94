//! Small documents that a schema takes.

use serde_json::{Map, Number, Value, json};

use super::accepts::{accepts, same};
use super::schema::{Kind, Schema};

/// Longer texts and lists are not made.
const LONGEST: u64 = 10_000;

/// Documents that differ, the smallest first.
pub(super) struct Samples {
    pub(super) all: Vec<Value>,
    /// There are no others.
    pub(super) complete: bool,
}

/// Is it certain that the schema takes nothing?
pub(super) fn is_empty(schema: &Schema) -> bool {
    if !schema.choice.is_empty() {
        return schema.choice.iter().all(is_empty);
    }
    if let Some(values) = &schema.values {
        return values.iter().all(|own| accepts(schema, own) == Some(false));
    }
    schema.kinds.iter().all(|kind| match kind {
        Kind::Null | Kind::Boolean => false,
        Kind::Whole => of_whole(schema, 1).is_empty_for_certain(),
        Kind::Fraction => no_fraction(schema),
        Kind::Text => schema.longest.is_some_and(|most| most < schema.shortest),
        Kind::List => {
            schema.most.is_some_and(|most| most < schema.fewest)
                || schema.fewest > 0 && schema.items.as_deref().is_some_and(is_empty)
        }
        Kind::Object => {
            let mut required = schema.required.iter();
            required.any(|name| schema.field(name).is_some_and(is_empty))
        }
    })
}

impl Samples {
    fn is_empty_for_certain(&self) -> bool {
        self.complete && self.all.is_empty()
    }
}

fn no_fraction(schema: &Schema) -> bool {
    let steps = schema.step.is_some_and(|step| step.fract() == 0.0);
    let (Some(low), Some(high)) = (schema.low, schema.high) else {
        return steps;
    };
    let point = low.value >= high.value;
    steps || low.value > high.value || point && (low.open || high.open || low.value.fract() == 0.0)
}

/// The smallest one.
pub(super) fn sample(schema: &Schema) -> Option<Value> {
    samples(schema, 1).all.into_iter().next()
}

/// Up to `most` of them.
pub(super) fn samples(schema: &Schema, most: usize) -> Samples {
    let mut found = Samples {
        all: Vec::new(),
        complete: true,
    };
    if !schema.choice.is_empty() {
        for own in &schema.choice {
            found.add(samples(own, most));
        }
    } else if let Some(values) = &schema.values {
        let taken = values
            .iter()
            .filter(|own| accepts(schema, own) == Some(true));
        found.all = taken.cloned().collect();
        found.complete = values.iter().all(|own| accepts(schema, own).is_some());
    } else {
        for kind in &schema.kinds {
            found.add(of_kind(schema, *kind, most));
        }
    }
    found.all.truncate(most);
    found
}

impl Samples {
    fn add(&mut self, more: Self) {
        for own in more.all {
            if !self.all.iter().any(|other| same(&own, other)) {
                self.all.push(own);
            }
        }
        self.complete &= more.complete;
    }
}

fn of_kind(schema: &Schema, kind: Kind, most: usize) -> Samples {
    let complete = |all: Vec<Value>| Samples {
        all,
        complete: true,
    };
    let mut found = match kind {
        Kind::Null => complete(vec![Value::Null]),
        Kind::Boolean => complete(vec![json!(false), json!(true)]),
        Kind::Whole => of_whole(schema, most),
        Kind::Fraction => of_fraction(schema, most),
        Kind::Text => of_text(schema, most),
        Kind::List => of_list(schema, most),
        Kind::Object => of_object(schema, most),
    };
    let told = found.all.iter().all(|own| accepts(schema, own).is_some());
    found.all.retain(|own| accepts(schema, own) == Some(true));
    found.complete &= told;
    found
}

fn of_whole(schema: &Schema, most: usize) -> Samples {
    let low = schema.low.map(|low| match low.value.ceil() {
        at if low.open && at <= low.value => at + 1.0,
        at => at,
    });
    let high = schema.high.map(|high| match high.value.floor() {
        at if high.open && at >= high.value => at - 1.0,
        at => at,
    });
    // From the end that is next to zero.
    let (mut at, by) = match (low, high) {
        (Some(low), _) if low > 0.0 => (low, 1.0),
        (_, Some(high)) if high < 0.0 => (high, -1.0),
        _ => (0.0, 1.0),
    };
    let step = schema
        .step
        .filter(|step| step.fract() == 0.0)
        .unwrap_or(1.0);
    at = if by > 0.0 {
        (at / step).ceil() * step
    } else {
        (at / step).floor() * step
    };
    let inside = |at: f64| low.is_none_or(|low| at >= low) && high.is_none_or(|high| at <= high);
    let mut all = Vec::new();
    let start = at;
    while inside(at) && all.len() < most {
        all.push(whole(at));
        at += by * step;
    }
    let mut ended = !inside(at);
    if ended && by > 0.0 {
        // What lies below zero.
        at = start - step;
        while inside(at) && all.len() < most {
            all.push(whole(at));
            at -= step;
        }
        ended = !inside(at);
    }
    Samples {
        all,
        complete: ended && schema.step.is_none_or(|step| step.fract() == 0.0),
    }
}

/// Written without a point.
pub(super) fn whole(at: f64) -> Value {
    let at = if at == 0.0 { 0.0 } else { at };
    serde_json::from_str(&format!("{at:.0}")).unwrap_or(Value::Null)
}

/// A number as JSON; whole ones without a point.
pub(super) fn number(at: f64) -> Value {
    if at.fract() == 0.0 {
        whole(at)
    } else {
        Number::from_f64(at).map_or(Value::Null, Value::Number)
    }
}

fn of_fraction(schema: &Schema, most: usize) -> Samples {
    let mut all = Vec::new();
    let (low, high) = match (schema.low, schema.high) {
        (None, None) => (0.0, 1.0),
        (Some(low), None) => (low.value, low.value + 1.0),
        (None, Some(high)) => (high.value - 1.0, high.value),
        (Some(low), Some(high)) => (low.value, high.value),
    };
    if let Some(step) = schema.step {
        let mut at = (low / step).ceil() * step;
        while at <= high && all.len() < most {
            if at.fract() != 0.0 {
                all.push(number(at));
            }
            at += step;
        }
    } else {
        let mut part = 2.0;
        while all.len() < most && part < 4096.0 {
            let at = low + (high - low) / part;
            if at.fract() != 0.0 {
                all.push(number(at));
            }
            part += 1.0;
        }
    }
    Samples {
        all,
        complete: no_fraction(schema),
    }
}

fn of_text(schema: &Schema, most: usize) -> Samples {
    let mut all = Vec::new();
    if schema.pattern.is_none() && schema.shortest <= LONGEST {
        let length = usize::try_from(schema.shortest).unwrap_or(0);
        if length > 0 {
            for letter in ('a'..='z').take(most) {
                all.push(json!(letter.to_string().repeat(length)));
            }
        }
        let longest = schema.longest.unwrap_or(u64::MAX).min(LONGEST);
        let mut next = schema.shortest;
        while all.len() < most && next <= longest {
            let text = "a".repeat(usize::try_from(next).unwrap_or(0));
            if !all.iter().any(|own| own == &json!(text)) {
                all.push(json!(text));
            }
            next += 1;
        }
    }
    Samples {
        all,
        complete: schema
            .longest
            .is_some_and(|own| own == 0 || own < schema.shortest),
    }
}

fn of_list(schema: &Schema, most: usize) -> Samples {
    let longest = schema.most.unwrap_or(u64::MAX);
    let items = schema.items.as_deref();
    let none = longest == 0 || items.is_some_and(is_empty);
    let mut all = Vec::new();
    let mut next = schema.fewest;
    while all.len() < most && next <= longest.min(schema.fewest.saturating_add(64)) {
        let Some(list) = list_of(schema, None, next) else {
            break;
        };
        all.push(list);
        next += 1;
    }
    // Lists of one length that differ by their item.
    if all.len() < most
        && longest > 0
        && schema.fewest <= 1
        && let Some(items) = items
    {
        for own in samples(items, most).all {
            let list = json!([own]);
            if !all.contains(&list) {
                all.push(list);
            }
        }
    }
    Samples {
        all,
        complete: none && schema.fewest == 0 || longest < schema.fewest,
    }
}

/// A list of this length, with `first` in front.
pub(super) fn list_of(schema: &Schema, first: Option<Value>, length: u64) -> Option<Value> {
    if length > LONGEST {
        return None;
    }
    let length = usize::try_from(length).ok()?;
    let mut all: Vec<Value> = first.into_iter().collect();
    let more = length.saturating_sub(all.len());
    if more > 0 {
        let wanted = if schema.unique { more + 1 } else { 1 };
        let found = match schema.items.as_deref() {
            Some(items) => samples(items, wanted).all,
            None => (0..wanted).map(|at| json!(at)).collect(),
        };
        if schema.unique {
            let fresh: Vec<Value> = found
                .into_iter()
                .filter(|own| !all.iter().any(|other| same(own, other)))
                .take(more)
                .collect();
            all.extend(fresh);
        } else {
            let own = found.first()?;
            all.extend(std::iter::repeat_n(own.clone(), more));
        }
    }
    (all.len() == length).then_some(Value::Array(all))
}

fn of_object(schema: &Schema, most: usize) -> Samples {
    let mut all = Vec::new();
    if let Some(least) = object_with(schema, None) {
        all.push(least);
        for (name, field) in &schema.fields {
            if all.len() >= most {
                break;
            }
            for own in samples(field, most).all {
                if let Some(object) = object_with(schema, Some((name, own)))
                    && !all.contains(&object)
                {
                    all.push(object);
                }
            }
        }
        if schema.rest.is_none() {
            for at in 0..most.saturating_sub(all.len()) {
                all.extend(object_with(schema, Some((&format!("more{at}"), json!(0)))));
            }
        }
    }
    let closed = schema.rest.as_deref().is_some_and(is_empty);
    Samples {
        all,
        complete: closed && schema.fields.values().all(is_empty),
    }
}

/// The fields that have to be there, and this one.
pub(super) fn object_with(schema: &Schema, more: Option<(&str, Value)>) -> Option<Value> {
    let mut object = Map::new();
    for name in &schema.required {
        if more.as_ref().is_some_and(|(own, _)| own == name) {
            continue;
        }
        let value = match schema.field(name) {
            Some(field) => sample(field)?,
            None => Value::Null,
        };
        object.insert(name.clone(), value);
    }
    if let Some((name, value)) = more {
        object.insert(name.to_owned(), value);
    }
    Some(Value::Object(object))
}
