//! Expressions against what CEL's specification says, and against hostile input.

use freehold_saga::{Expression, ProblemKind, Type};
use proptest::prelude::*;
use serde_json::{Value, json};

fn order() -> Type {
    Type::read(&json!({
        "id": "text",
        "total": "int",
        "rate": "double",
        "paid": "bool",
        "note?": "text",
        "address?": { "city": "text", "line2?": "text" },
        "items": [{ "sku": "text", "quantity": "int" }],
        "free": "any",
    }))
    .expect("a type")
}

fn value() -> Value {
    json!({
        "id": "o-1", "total": 1999, "rate": 0.5, "paid": true,
        "items": [{ "sku": "a", "quantity": 2 }, { "sku": "b", "quantity": 1 }],
        "free": { "deep": [1, { "x": "y" }] },
    })
}

fn compiled(source: &str) -> Result<Expression, String> {
    Expression::compile(source, &[("input", &order())])
        .map_err(|problem| format!("{}: {}", problem.at, problem.message))
}

fn run(source: &str) -> Result<Value, String> {
    let expression = compiled(source)?;
    expression
        .evaluate(&[("input", &value())])
        .map_err(|failure| failure.message)
}

#[test]
fn they_give_what_cel_gives() {
    for (source, expected) in [
        ("input.id", json!("o-1")),
        ("input.total * 2 + 1", json!(3999)),
        ("2 + 3 * 4 - 10 / 3 % 2", json!(13)),
        ("-input.total", json!(-1999)),
        ("-9223372036854775808", json!(i64::MIN)),
        ("- 5 / 2", json!(-2)),
        ("-5 % 3", json!(-2)),
        ("input.rate * 3.0", json!(1.5)),
        ("1e3 / 8.0", json!(125.0)),
        ("'a' + \"b\" + 'c\\'\\n\\u00e9'", json!("abc'\né")),
        ("input.paid && !(1 > 2) || false", json!(true)),
        ("1 < 2 ? 'yes' : 'no'", json!("yes")),
        ("false ? 1 : true ? 2 : 3", json!(2)),
        ("has(input.note) ? input.note : 'none'", json!("none")),
        ("has(input.note) && input.note == 'x'", json!(false)),
        (
            "has(input.address) && has(input.address.line2) ? input.address.line2 : ''",
            json!(""),
        ),
        ("input.items[1].sku", json!("b")),
        ("input.items.map(i, i.quantity * 10)", json!([20, 10])),
        (
            "input.items.filter(i, i.quantity > 1).map(i, i.sku)",
            json!(["a"]),
        ),
        ("input.items.all(i, i.quantity > 0)", json!(true)),
        ("input.items.exists_one(i, i.sku == 'b')", json!(true)),
        ("input.items.exists(i, i.sku == 'c')", json!(false)),
        ("'b' in input.items.map(i, i.sku)", json!(true)),
        ("'id' in {'id': 1}", json!(true)),
        ("[1, 2] + [3]", json!([1, 2, 3])),
        ("[1, 2] == [1, 2]", json!(true)),
        (
            "{'a': [1, null], 'b': input.total}",
            json!({ "a": [1, null], "b": 1999 }),
        ),
        (
            "size(input.items) + input.id.size() + size({'a': 1})",
            json!(6),
        ),
        ("size('é')", json!(1)),
        ("string(input.total) + string(true)", json!("1999true")),
        ("int('42') + int(2.9) + int(-2.9)", json!(42)),
        ("double('0.5') + double(1)", json!(1.5)),
        (
            "input.id.startsWith('o-') && input.id.endsWith('1') && input.id.contains('-')",
            json!(true),
        ),
        ("input.free.deep[1].x + 'z'", json!("yz")),
        ("input.free['deep'][0]", json!(1)),
        ("null == null && input.free != null", json!(true)),
        ("'a' < 'b' && 'Z' < 'a'", json!(true)),
    ] {
        assert_eq!(run(source), Ok(expected), "{source}");
    }
}

#[test]
fn what_cannot_be_is_said_before_it_runs() {
    for (source, message) in [
        (
            "inputs.id",
            "0: there is no `inputs` here; did you mean `input`?",
        ),
        (
            "EUR",
            "0: there is no `EUR` here; known are input. A constant text is written in quotes of its own: \"'EUR'\"",
        ),
        (
            "input.totl",
            "6: `input` has no `totl`; did you mean `total`?",
        ),
        (
            "input.note",
            "6: `input.note` may be missing: write `has(input.note) ? input.note : …`",
        ),
        (
            "has(input.note) || input.note == 'x'",
            "25: `input.note` may be missing: write `has(input.note) ? input.note : …`",
        ),
        (
            "has(input.note) ? 1 : size(input.note)",
            "33: `input.note` may be missing: write `has(input.note) ? input.note : …`",
        ),
        (
            "input.total + input.rate",
            "12: `+` does not take int and double",
        ),
        ("input.total + 'x'", "12: `+` does not take int and text"),
        ("input.total == 'x'", "12: `==` does not take int and text"),
        (
            "input.paid ? 1 : 'x'",
            "6: the two branches of `?:` differ: int and text",
        ),
        ("!input.total", "7: bool is needed here, and this is int"),
        (
            "input.items.filter(i, i.sku)",
            "24: bool is needed here, and this is text",
        ),
        (
            "input.items.map(i, i.price)",
            "21: `i` has no `price`, but sku, quantity",
        ),
        (
            "input.items['x']",
            "12: int is needed here, and this is text",
        ),
        ("size(1)", "0: this function does not take int"),
        ("{'a': 1, 'a': 2}", "9: `a` stands here a second time"),
        ("'a' in 'abc'", "4: `in` does not take text and text"),
    ] {
        assert_eq!(
            compiled(source).map(|_| ()),
            Err(message.to_owned()),
            "{source}"
        );
    }
}

#[test]
fn what_is_not_in_the_subset_is_refused() {
    for source in [
        "",
        "1 +",
        "(1",
        "[1",
        "'a",
        "1u",
        "0x10",
        "b'a'",
        "r'a'",
        "'\\x41'",
        "a = 1",
        "1 2",
        "input.",
        "f(1)",
        "input.id.matches('a+')",
        "timestamp('2020-01-01T00:00:00Z')",
        "has(1)",
        "has(input)",
        "{1 2}",
        "@",
        "input.items.map(1, 2)",
        "9223372036854775808",
        "'\\ud800'",
        "string('a', 'b')",
        "1e999",
        "startsWith('a', 'b')",
    ] {
        let problem = Expression::compile(source, &[("input", &order())]).expect_err(source);
        assert_eq!(
            problem.kind,
            ProblemKind::Syntax,
            "{source}: {}",
            problem.message
        );
    }
}

#[test]
fn failures_at_run_time_end_in_a_sentence() {
    for (source, message) in [
        ("input.total / 0", "division by zero"),
        ("9223372036854775807 + 1", "the result does not fit 64 bits"),
        ("-(-9223372036854775808)", "the result does not fit 64 bits"),
        (
            "-9223372036854775808 / -1",
            "the result does not fit 64 bits",
        ),
        ("input.items[2].sku", "the list has no such position"),
        ("input.items[-1].sku", "the list has no such position"),
        ("input.free.nothing", "there is no `nothing`"),
        ("int('4x')", "this text is no int"),
        ("int(1e30)", "this does not become an int"),
        ("1.0 / 0.0", "the result is no finite number"),
        ("input.free + 1", "`+` does not take these two"),
    ] {
        assert_eq!(run(source), Err(message.to_owned()), "{source}");
    }
}

#[test]
fn hostile_expressions_are_bounded() {
    let deep = |open: &str, close: &str| format!("{}1{}", open.repeat(1000), close.repeat(1000));
    for source in [
        deep("(", ")"),
        deep("[", "]"),
        deep("{'a':", "}"),
        deep("!", ""),
        deep("-", ""),
        deep("true ? ", " : 1"),
        deep("false ? 1 : ", ""),
        deep("1 + ", ""),
        format!("input.free{}", ".a".repeat(1000)),
        format!("input.free{}", "[0]".repeat(1000)),
        format!("'{}'", "a".repeat(1_000_000)),
    ] {
        assert!(compiled(&source).is_err());
    }

    let huge = json!({ "list": vec![0; 2000], "text": "x".repeat(1_000_000) });
    let any = Type::Any;
    for source in [
        "h.list.map(a, h.list.map(b, h.list.map(c, a)))",
        "h.list.map(a, h.list)",
        "h.list.all(a, h.list.all(b, h.text == h.text))",
        "h.list.map(a, h.text + h.text)",
        "h.list.exists(a, h.text.contains('y'))",
        "[h.text + h.text + h.text + h.text].map(x, x + x).map(x, x + x).map(x, x + x)",
    ] {
        let expression = Expression::compile(source, &[("h", &any)]).expect("it compiles");
        let failure = expression.evaluate(&[("h", &huge)]).expect_err(source);
        assert!(
            failure.message.contains("costs more than"),
            "{source}: {}",
            failure.message
        );
    }
}

/// Expressions of one type each, as text, with the value that Rust's own operators give.
fn ints() -> impl Strategy<Value = (String, Option<i64>)> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(|value| (value.to_string(), Some(value))),
        (0..100_i64).prop_map(|value| (value.to_string(), Some(value))),
        Just(("input.total".to_owned(), Some(1999))),
        Just(("size(input.items)".to_owned(), Some(2))),
    ];
    leaf.prop_recursive(4, 24, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone(), 0..5_usize).prop_map(|(a, b, at)| {
                type Of = fn(i64, i64) -> Option<i64>;
                let operators: [(&str, Of); 5] = [
                    ("+", i64::checked_add),
                    ("-", i64::checked_sub),
                    ("*", i64::checked_mul),
                    ("/", i64::checked_div),
                    ("%", i64::checked_rem),
                ];
                let (sign, of) = operators[at];
                let value = a.1.zip(b.1).and_then(|(a, b)| of(a, b));
                (format!("({}) {sign} ({})", a.0, b.0), value)
            }),
            (inner.clone(), inner.clone(), inner).prop_map(|(a, b, c)| {
                let source = format!("({}) < ({}) ? ({}) : ({})", a.0, b.0, c.0, a.0);
                let value =
                    a.1.zip(b.1)
                        .and_then(|(x, y)| if x < y { c.1 } else { a.1 });
                (source, value)
            }),
        ]
    })
}

proptest! {
    #[test]
    fn ints_are_what_checked_arithmetic_gives((source, expected) in ints()) {
        // Deep ones are refused; here only what runs is compared.
        if let Ok(expression) = compiled(&source) {
            let value = expression.evaluate(&[("input", &value())]).ok();
            prop_assert_eq!(value, expected.map(Value::from), "{}", source);
        }
    }

    #[test]
    fn no_text_breaks_the_parser(source in "\\PC{0,60}") {
        let _ = compiled(&source);
    }

    #[test]
    fn no_heap_of_tokens_breaks_it(
        tokens in proptest::collection::vec(
            proptest::sample::select(vec![
                "input", ".", "id", "free", "items", "map", "(", ")", "[", "]", "{", "}", ",", ":",
                "?", "'t'", "1", "2.5", "+", "-", "!", "&&", "||", "==", "in", "has", "size", "x",
                "null", "true", "note",
            ]),
            0..24,
        )
    ) {
        let source = tokens.join(" ");
        if let Ok(expression) = compiled(&source) {
            let _ = expression.evaluate(&[("input", &value())]);
        }
    }

    /// What the checker gives a type has that type when it runs.
    #[test]
    fn types_hold(
        tokens in proptest::collection::vec(
            proptest::sample::select(vec![
                "input.total", "input.id", "input.rate", "input.paid", "input.items", "1", "2.5",
                "'t'", "+", "*", "<", "==", "&&", "?", ":", "(", ")", "[", "]", ",", "size(",
                "string(", "-", "!", ".map(i,", "i.sku", "i.quantity", "in",
            ]),
            1..10,
        )
    ) {
        let source = tokens.join(" ");
        if let Ok(expression) = compiled(&source)
            && let Ok(value) = expression.evaluate(&[("input", &value())])
        {
            prop_assert_eq!(expression.of().mismatch(&value), None, "{}", source);
        }
    }
}
