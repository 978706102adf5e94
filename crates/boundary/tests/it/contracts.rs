//! Contracts against an oracle: documents made from one schema and judged against the other by a
//! validator that is not ours.
//!
//! A yes may not be contradicted by any document. A no with an example is proven by it. Mutants of
//! the comparison that forget a keyword are contradicted.

use freehold_boundary::contract::{Hurt, Schema, fits, holds};
use freehold_model::Compatibility;
use serde_json::{Map, Value, json};

/// The same numbers in each run (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).expect("below a usize")
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

const NAMES: [&str; 4] = ["id", "name", "price", "items"];

/// A schema of the part of JSON Schema that is compared.
fn schema(random: &mut Random, depth: usize) -> Value {
    let kinds: &[&str] = if depth == 0 {
        &["null", "boolean", "integer", "number", "string"]
    } else {
        &[
            "integer", "number", "string", "boolean", "array", "object", "object",
        ]
    };
    match random.below(20) {
        0 => return json!(true),
        1 => {
            let values = [
                json!(1),
                json!(2.5),
                json!("a"),
                json!("bb"),
                json!(null),
                json!(true),
            ];
            let all: Vec<&Value> = values.iter().filter(|_| random.chance(50)).collect();
            if !all.is_empty() {
                return json!({ "enum": all });
            }
        }
        2 => {
            return json!({ "anyOf": [{ "type": "null" }, schema(random, depth.saturating_sub(1))] });
        }
        3 => return json!({ "const": random.below(3) }),
        _ => {}
    }
    let mut own = Map::new();
    let kind = *random.pick(kinds);
    if random.chance(15) {
        own.insert("type".into(), json!([kind, random.pick(kinds)]));
        dedup(&mut own);
    } else {
        own.insert("type".into(), json!(kind));
    }
    keywords(random, &mut own, kind, depth);
    Value::Object(own)
}

/// `type` names each kind once.
fn dedup(own: &mut Map<String, Value>) {
    let two = own["type"].as_array().expect("two").clone();
    if two[0] == two[1] {
        own.insert("type".into(), two[0].clone());
    }
}

fn keywords(random: &mut Random, own: &mut Map<String, Value>, kind: &str, depth: usize) {
    let mut some = |random: &mut Random, word: &str, value: Value| {
        if random.chance(40) {
            own.insert(word.into(), value);
        }
    };
    match kind {
        "integer" | "number" => {
            let low = i32::try_from(random.below(7)).expect("small") - 3;
            let more = i32::try_from(random.below(6)).expect("small");
            let word = *random.pick(&["minimum", "exclusiveMinimum"]);
            some(random, word, json!(low));
            let word = *random.pick(&["maximum", "exclusiveMaximum"]);
            let half = if random.chance(30) { 0.5 } else { 0.0 };
            some(random, word, json!(f64::from(low + more) + half));
            if random.chance(45) {
                let step = random.pick(&[json!(2), json!(3), json!(0.5)]).clone();
                some(random, "multipleOf", step);
            }
        }
        "string" => {
            let low = random.below(3);
            some(random, "minLength", json!(low));
            let high = low + random.below(3);
            some(random, "maxLength", json!(high));
        }
        "array" => {
            let low = random.below(3);
            some(random, "minItems", json!(low));
            let high = low + random.below(3);
            some(random, "maxItems", json!(high));
            let items = schema(random, depth - 1);
            some(random, "items", items);
            some(random, "uniqueItems", json!(true));
        }
        "object" => {
            let mut fields = Map::new();
            let mut required = Vec::new();
            for name in NAMES {
                if random.chance(50) {
                    fields.insert(name.into(), schema(random, depth - 1));
                }
                if random.chance(30) {
                    required.push(name);
                }
            }
            own.insert("properties".into(), Value::Object(fields));
            if !required.is_empty() {
                own.insert("required".into(), json!(required));
            }
            if random.chance(30) {
                let rest = if random.chance(60) {
                    json!(false)
                } else {
                    schema(random, 0)
                };
                own.insert("additionalProperties".into(), rest);
            }
        }
        _ => {}
    }
}

/// The schema with one thing changed, somewhere.
fn changed(random: &mut Random, own: &Value, depth: usize) -> Value {
    let Value::Object(object) = own else {
        return schema(random, depth.min(1));
    };
    let mut next = object.clone();
    let inner: Vec<String> = ["properties", "items", "additionalProperties"]
        .into_iter()
        .filter(|word| object.get(*word).is_some_and(Value::is_object))
        .map(str::to_owned)
        .collect();
    if depth > 0 && !inner.is_empty() && random.chance(65) {
        let word = random.pick(&inner).clone();
        let value = if word == "properties" {
            let mut fields = object[&word].as_object().expect("fields").clone();
            let name = (*random.pick(&NAMES)).to_owned();
            let field = match fields.get(&name) {
                Some(_) if random.chance(20) => None,
                Some(field) => Some(changed(random, field, depth - 1)),
                None => Some(schema(random, depth - 1)),
            };
            match field {
                Some(field) => fields.insert(name, field),
                None => fields.remove(&name),
            };
            Value::Object(fields)
        } else {
            changed(random, &object[&word], depth - 1)
        };
        next.insert(word, value);
        return Value::Object(next);
    }
    let words: Vec<String> = object.keys().cloned().collect();
    match random.below(3) {
        0 if words.len() > 1 => {
            let word = random.pick(&words).clone();
            next.remove(&word);
        }
        1 => {
            let kind = object
                .get("type")
                .and_then(Value::as_str)
                .map(str::to_owned);
            keywords(
                random,
                &mut next,
                kind.as_deref().unwrap_or("string"),
                depth.max(1),
            );
        }
        _ => return schema(random, depth),
    }
    Value::Object(next)
}

/// A document that the schema might take; more often than not it does.
fn document(random: &mut Random, own: &Value) -> Value {
    let Some(object) = own.as_object() else {
        return anything(random);
    };
    if random.chance(3) {
        return anything(random);
    }
    if let Some(values) = object.get("enum").and_then(Value::as_array) {
        return random.pick(values).clone();
    }
    if let Some(value) = object.get("const") {
        return value.clone();
    }
    if let Some(choice) = object.get("anyOf").and_then(Value::as_array) {
        let one = random.pick(choice).clone();
        return document(random, &one);
    }
    let kind = match object.get("type") {
        Some(Value::String(kind)) => kind.clone(),
        Some(Value::Array(kinds)) => random.pick(kinds).as_str().expect("a kind").to_owned(),
        _ => return anything(random),
    };
    let whole = |word: &str| {
        object
            .get(word)
            .and_then(Value::as_u64)
            .and_then(|own| usize::try_from(own).ok())
    };
    match kind.as_str() {
        "null" => Value::Null,
        "boolean" => json!(random.chance(50)),
        "integer" => json!(i64::try_from(random.below(15)).expect("small") - 7),
        "number" => json!(f64::from(u32::try_from(random.below(61)).expect("small")) / 4.0 - 7.5),
        "string" => json!("ab".repeat(4)[..random.below(7)].to_owned()),
        "array" => {
            let least = whole("minItems").unwrap_or(0);
            let length = least + random.below(4);
            let items = object.get("items").cloned().unwrap_or(json!(true));
            let all = (0..length).map(|_| document(random, &items));
            Value::Array(all.collect())
        }
        _ => {
            let mut made = Map::new();
            let required: Vec<&str> = object
                .get("required")
                .and_then(Value::as_array)
                .map(|all| all.iter().filter_map(Value::as_str).collect())
                .unwrap_or_default();
            for name in NAMES.into_iter().chain(["more"]) {
                if required.contains(&name) || random.chance(35) {
                    let field = own.pointer(&format!("/properties/{name}"));
                    let field = field.or(object.get("additionalProperties"));
                    if field == Some(&json!(false)) {
                        continue;
                    }
                    let field = field.cloned().unwrap_or(json!(true));
                    made.insert(name.into(), document(random, &field));
                }
            }
            Value::Object(made)
        }
    }
}

fn anything(random: &mut Random) -> Value {
    random
        .pick(&[
            json!(null),
            json!(true),
            json!(0),
            json!(-4),
            json!(1.5),
            json!(""),
            json!("abc"),
            json!([]),
            json!([1, 1]),
            json!({}),
            json!({ "id": 1 }),
        ])
        .clone()
}

fn valid(schema: &Value) -> jsonschema::Validator {
    jsonschema::validator_for(schema).expect("a schema")
}

struct Pair {
    from: Value,
    to: Value,
    /// Taken by `from`.
    documents: Vec<Value>,
    /// `to` refuses one of them.
    contradicted: bool,
}

fn pairs(count: usize, seed: u64) -> Vec<Pair> {
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let made = (0..count).map(|_| {
        let from = schema(&mut random, 3);
        let to = changed(&mut random, &from, 3);
        let (from, to) = if random.chance(50) {
            (from, to)
        } else {
            (to, from)
        };
        let (takes, other) = (valid(&from), valid(&to));
        let documents = (0..150).map(|_| document(&mut random, &from));
        let documents: Vec<Value> = documents.filter(|own| takes.is_valid(own)).collect();
        let contradicted = documents.iter().any(|own| !other.is_valid(own));
        Pair {
            from,
            to,
            documents,
            contradicted,
        }
    });
    made.collect()
}

fn read(schema: &Value) -> Schema {
    Schema::of(schema).expect("a schema of ours")
}

/// `FREEHOLD_ROUNDS` pairs, `FREEHOLD_SEED` for others.
#[test]
#[expect(clippy::print_stderr, reason = "figures for the proofs")]
fn verdicts_are_those_of_the_oracle() {
    let number = |name: &str| std::env::var(name).ok().and_then(|own| own.parse().ok());
    let count = number("FREEHOLD_ROUNDS").unwrap_or(1000);
    let seed = number("FREEHOLD_SEED").unwrap_or(1);
    let (mut fit, mut break_, mut unclear, mut tried) = (0, 0, 0, 0);
    for pair in pairs(usize::try_from(count).expect("a few"), seed) {
        let Pair { from, to, .. } = &pair;
        tried += pair.documents.len();
        match fits(&read(from), &read(to)) {
            Ok(()) => {
                fit += 1;
                let other = valid(to);
                let wrong = pair.documents.iter().find(|own| !other.is_valid(own));
                assert_eq!(wrong, None, "said to fit: {from} in {to}");
            }
            Err(found) => match &found.example {
                Some(example) => {
                    break_ += 1;
                    let proven = valid(from).is_valid(example) && !valid(to).is_valid(example);
                    assert!(proven, "{found:?} proves nothing: {from} in {to}");
                }
                None => unclear += 1,
            },
        }
    }
    eprintln!(
        "{count} pairs, {tried} documents: {fit} fit, {break_} break with an example, {unclear} unclear"
    );
    assert!(fit * 10 > count && break_ * 10 > count, "one-sided");
    assert!(unclear * 20 <= count, "{unclear} of {count} were not told");
}

/// Without a keyword, everywhere.
fn without(own: &Value, word: &str) -> Value {
    match own {
        Value::Object(object) => {
            let kept = object.iter().filter(|(name, _)| *name != word);
            Value::Object(
                kept.map(|(name, own)| (name.clone(), without(own, word)))
                    .collect(),
            )
        }
        Value::Array(all) => Value::Array(all.iter().map(|own| without(own, word)).collect()),
        other => other.clone(),
    }
}

#[test]
fn a_comparison_that_forgets_a_keyword_is_contradicted() {
    let pairs = pairs(1000, 7);
    for word in [
        "type",
        "enum",
        "const",
        "minimum",
        "exclusiveMinimum",
        "maximum",
        "exclusiveMaximum",
        "multipleOf",
        "minLength",
        "maxLength",
        "items",
        "minItems",
        "maxItems",
        "uniqueItems",
        "properties",
        "required",
        "additionalProperties",
        "anyOf",
    ] {
        let caught = pairs.iter().any(|pair| {
            pair.contradicted && fits(&read(&pair.from), &read(&without(&pair.to, word))).is_ok()
        });
        assert!(caught, "nobody noticed that `{word}` was forgotten");
    }
}

#[test]
fn what_is_not_compared_is_never_said_to_fit() {
    let any = json!({ "type": "object", "properties": { "a": { "type": "string" } } });
    for to in [
        json!({ "type": "object", "patternProperties": { "^x": { "type": "string" } } }),
        json!({ "allOf": [{ "type": "object" }] }),
        json!({ "not": { "type": "object" } }),
        json!({ "type": "object", "properties": { "a": { "type": "string", "pattern": "^a" } } }),
        json!({ "oneOf": [{ "type": "object" }, { "required": ["a"] }] }),
    ] {
        let found = fits(&read(&any), &read(&to)).expect_err("not told");
        assert_eq!(found.example, None, "{to}");
        // Alike is alike, whatever it means.
        fits(&read(&to), &read(&to)).expect("the same");
    }
    // Nor where it decides what is written.
    let strange = json!({ "type": "boolean", "if": true });
    fits(&read(&strange), &read(&json!({ "enum": [true] }))).expect_err("false is written, too");
    let tree = json!({ "type": "object", "properties": { "next": { "$ref": "#" } } });
    fits(&read(&tree), &read(&tree)).expect_err("a schema that holds itself is not followed");
    Schema::of(&json!({ "$ref": "other.json" })).expect_err("another file is not read");
    Schema::of(&json!({ "type": "strnig" })).expect_err("no kind");
}

/// Fields that a writer does not name it does not write, and readers take such fields.
#[test]
fn modes_ask_in_their_direction() {
    use Compatibility::{Backward, Forward, Full, None};
    let text = json!({ "type": "string" });
    let of = |fields: Value, required: Value| {
        read(&json!({ "type": "object", "properties": fields, "required": required }))
    };
    let old = of(json!({ "a": text }), json!(["a"]));
    let may = of(
        json!({ "a": text, "b": { "type": "integer" } }),
        json!(["a"]),
    );
    let must = of(
        json!({ "a": text, "b": { "type": "integer" } }),
        json!(["a", "b"]),
    );
    holds(Full, &old, &may).expect("a field that may be missing comes");
    holds(Full, &may, &old).expect("and goes");
    holds(Forward, &old, &must).expect("a field more is in nobody's way");
    let (hurt, found) = holds(Backward, &old, &must).expect_err("what was written lacks it");
    assert_eq!((hurt, found.at.as_str()), (Hurt::NewReaders, "/b"));
    assert_eq!(found.example, Some(json!({ "a": "" })));
    let (hurt, found) = holds(Full, &must, &old).expect_err("who knows the old one waits for it");
    assert_eq!(
        (hurt, found.example),
        (Hurt::OldReaders, Some(json!({ "a": "" })))
    );
    holds(None, &old, &must).expect("it may be anything");
}
