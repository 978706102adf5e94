//! Definitions: what a good one becomes, and each fault with its code and line.

use std::path::Path;

use freehold_model::MemoryFiles;
use freehold_saga::{Loaded, OnConflict, StepKind, Then, check_together, json_schema, read};
use serde_json::json;

/// The bookshop's, with everything that a definition can say.
pub(crate) const PLACE_ORDER: &str = r#"saga: place_order
version: 2
input:
  order_id: text
  customer_id: text
  total: int
  currency: text
  items: [{ sku: text, quantity: int }]
  note?: text
timeout: 30m
locks: { keys: ["'customer:' + input.customer_id"], on_conflict: wait }
start:
  event: order.placed.v1
  key: event.order.id
  input:
    order_id: event.order.id
    customer_id: event.order.customerId
    total: event.order.totalCents
    currency: "'EUR'"
    items: event.order.items
steps:
  - step: create_order
    call: { http: "POST ${orders}/internal/orders", body: { id: input.order_id, note: "has(input.note) ? input.note : ''" } }
    undo: { http: "POST ${orders}/internal/orders/{input.order_id}/cancel" }
  - step: reserve_inventory
    after: [create_order]
    call: { command: "POST ${stock}/reserve", body: { items: "input.items.map(i, {'sku': i.sku, 'qty': i.quantity})" } }
    undo: { command: "POST ${stock}/release", body: { order_id: input.order_id } }
    output: { reservation_id: text }
    on_refused: { park: 30m, then: compensate }
  - step: add_points
    after: [create_order]
    call: { http: "POST ${customers}/customers/{input.customer_id}/points", body: { points: input.total / 100, fixed: 7 } }
    undo: { http: "POST ${customers}/customers/{input.customer_id}/points/back" }
    retry: { attempts: 8, first: 100ms, factor: 3, max: 1m, jitter: 0.5 }
    timeout: 5s
  - step: fraud_check
    kind: approval
    after: [reserve_inventory, add_points]
    timeout: 2d
  - step: charge
    kind: pivot
    call: { http: "POST ${payment}/charges", body: { reservation: reserve_inventory.reservation_id, amount: input.total } }
    resolve: GET ${payment}/charges/{saga.id}
    output: { charge_id: text }
    keys_kept: 24h
  - step: confirm
    kind: retriable
    call: { http: "POST ${orders}/internal/orders/{input.order_id}/confirm", body: { charge: charge.charge_id } }
    on_refused: { park: 10m, then: retry }
"#;

fn loaded(text: &str) -> Result<Loaded, Vec<String>> {
    read(text, Path::new("s.yaml")).map_err(|faults| {
        faults
            .iter()
            .map(|fault| {
                let place = fault.place.as_ref().expect("a place");
                format!(
                    "{}:{}:{} {}",
                    fault.code, place.line, place.column, fault.message
                )
            })
            .collect()
    })
}

fn faults(text: &str) -> Vec<String> {
    loaded(text).expect_err("it has faults")
}

#[test]
fn a_good_definition_says_everything_that_the_file_says() {
    use StepKind::{Approval, Compensatable, Pivot, Retriable};

    let definition = loaded(PLACE_ORDER).expect("no fault").definition;
    assert_eq!(
        (definition.name.as_str(), definition.version),
        ("place_order", 2)
    );
    assert_eq!(definition.timeout_ms, Some(1_800_000));
    assert_eq!(definition.on_conflict, OnConflict::Wait);
    let kinds: Vec<StepKind> = definition.steps.iter().map(|step| step.kind).collect();
    assert_eq!(
        kinds,
        [
            Compensatable,
            Compensatable,
            Compensatable,
            Approval,
            Pivot,
            Retriable
        ]
    );
    // Both branches after the first step; the pivot after the approval, as it stands in the file.
    let after: Vec<u64> = definition.steps.iter().map(|step| step.after.0).collect();
    assert_eq!(after, [0, 0b1, 0b1, 0b110, 0b1000, 0b10000]);
    assert_eq!(definition.steps[5].ancestors.0, 0b11111);
    let reserve = &definition.steps[1];
    assert_eq!(
        (reserve.on_refused.park_ms, reserve.on_refused.then),
        (Some(1_800_000), Then::Compensate)
    );
    assert_eq!(definition.steps[2].retry.attempts, 8);
    assert_eq!(definition.steps[4].keys_kept_ms, Some(86_400_000));
}

#[test]
fn requests_are_evaluated_with_input_and_outputs() {
    let definition = loaded(PLACE_ORDER).expect("no fault").definition;
    let input = json!({ "order_id": "o/1", "customer_id": "c", "total": 1999, "items": [{ "sku": "b", "quantity": 2 }] });
    let saga = json!({ "id": "s-1", "key": "o/1", "name": "place_order" });
    let reserved = json!({ "reservation_id": "r-9" });
    let names = [
        ("input", &input),
        ("saga", &saga),
        ("reserve_inventory", &reserved),
    ];
    let call = |step: usize| {
        let call = definition.steps[step].call.as_ref().expect("a call");
        call.evaluate(&names).expect("it evaluates")
    };
    assert_eq!(call(0).body, json!({ "id": "o/1", "note": "" }));
    assert_eq!(call(1).body, json!({ "items": [{ "sku": "b", "qty": 2 }] }));
    assert_eq!(call(2).body, json!({ "points": 19, "fixed": 7 }));
    assert_eq!(call(4).body["reservation"], "r-9");
    let undo = definition.steps[0].undo.as_ref().expect("an undo");
    assert_eq!(
        undo.evaluate(&names).expect("it evaluates").to,
        "/internal/orders/o%2F1/cancel"
    );
    // What would name another resource is no path.
    let input = json!({ "order_id": ".." });
    let (source, failure) = undo.evaluate(&[("input", &input)]).expect_err("no path");
    assert_eq!(
        (source.as_str(), failure.message.as_str()),
        ("input.order_id", "this cannot stand in a path")
    );
    // A skipped step has no output.
    let (source, failure) = (definition.steps[5].call.as_ref().expect("a call"))
        .evaluate(&[("input", &json!({ "order_id": "o" }))])
        .expect_err("no value");
    assert_eq!(source, "charge.charge_id");
    assert!(failure.message.contains("its step was skipped"));
}

#[test]
fn the_hash_is_of_what_is_said_not_of_how() {
    let hash = |text: &str| loaded(text).expect("no fault").definition.hash;
    let again = PLACE_ORDER.replace("version: 2\n", "").replace(
        "timeout: 30m\n",
        "# how long\ntimeout: \"30m\"\nversion: 2\n",
    );
    assert_eq!(hash(PLACE_ORDER), hash(&again));
    assert_ne!(
        hash(PLACE_ORDER),
        hash(&PLACE_ORDER.replace("timeout: 30m", "timeout: 31m"))
    );
    // What the store keeps is the same definition.
    let definition = loaded(PLACE_ORDER).expect("no fault").definition;
    let stored = loaded(&definition.canonical).expect("no fault").definition;
    assert_eq!(stored.canonical, definition.canonical);
    assert_eq!(stored.hash, definition.hash);
    assert_eq!(stored.steps.len(), definition.steps.len());
}

const HEAD: &str = "saga: s\ninput: { id: text, n: int }\nsteps:\n";
const A: &str = "  - { step: a, call: 'POST ${x}/a', undo: 'POST ${x}/u', output: { v: text } }\n";
const P: &str = "  - { step: p, kind: pivot, call: 'POST ${x}/p', resolve: 'GET ${x}/p' }\n";

#[test]
fn each_fault_has_its_code_and_line() {
    for (body, expected) in [
        (
            "  - { step: Bad, call: 'POST ${x}/a', undo: 'POST ${x}/u' }\n  - { step: input, call: 'POST ${x}/a', undo: 'POST ${x}/u' }\n".to_owned(),
            vec!["FH4101:4:13 `Bad` cannot be the name of a step", "FH4101:5:13 `input` means something else in expressions"],
        ),
        (format!("{A}{A}"), vec!["FH4101:5:13 there are two steps `a`"]),
        (
            format!("{A}  - {{ step: b, after: [aa], call: 'POST ${{x}}/a', undo: 'POST ${{x}}/u' }}\n"),
            vec!["FH4102:5:24 `b` waits for `aa`, which is no step"],
        ),
        (
            "  - { step: a, after: [b], call: 'POST ${x}/a', undo: 'POST ${x}/u' }\n  - { step: b, call: 'POST ${x}/a', undo: 'POST ${x}/u' }\n".to_owned(),
            vec!["FH4103:5:5 these steps wait for each other: b → a → b"],
        ),
        (
            format!("{A}{P}  - {{ step: q, kind: pivot, after: [a], call: 'POST ${{x}}/p', resolve: 'GET ${{x}}/p' }}\n"),
            vec!["FH4104:6:22 `q` is a second pivot beside `p`"],
        ),
        (
            format!("{P}{A}"),
            vec!["FH4105:5:5 the compensatable step `a` does not come before the pivot `p`"],
        ),
        (
            format!("{P}  - {{ step: ok, kind: approval }}\n"),
            vec!["FH4105:5:23 the approval `ok` does not come before the pivot `p`"],
        ),
        (
            format!("{A}{P}  - {{ step: r, kind: retriable, after: [a], call: 'POST ${{x}}/r' }}\n"),
            vec!["FH4105:6:22 the retriable step `r` does not come after the pivot `p`"],
        ),
        (
            format!("{A}  - {{ step: r, kind: retriable, call: 'POST ${{x}}/r' }}\n"),
            vec!["FH4105:5:22 `r` is retriable, and the saga has no pivot"],
        ),
        (
            "  - { step: a, call: 'POST ${x}/a' }\n  - { step: p, kind: pivot, call: 'POST ${x}/p' }\n".to_owned(),
            vec!["FH4106:4:13 `a` has no `undo`", "FH4106:5:13 `p` has no `resolve`"],
        ),
        (
            "  - { step: p, kind: pivot, call: 'POST ${x}/p', resolve: 'GET ${x}/p', undo: 'POST ${x}/u' }\n".to_owned(),
            vec!["FH4107:4:79 `p` cannot have `undo`"],
        ),
        (
            "  - { step: a, kind: approval, retry: { attempts: 2 } }\n".to_owned(),
            vec!["FH4107:4:32 `a` cannot have `retry`"],
        ),
        (
            format!("{P}  - {{ step: r, kind: retriable, call: 'POST ${{x}}/r', on_refused: {{ then: compensate }} }}\n"),
            vec!["FH4107:5:74 after the pivot nothing is compensated"],
        ),
        (
            "  - { step: a, call: 'FETCH ${x}/a', undo: { body: { a: 1 } } }\n".to_owned(),
            vec!["FH4108:4:22 `FETCH` is none of GET, POST, PUT, PATCH, DELETE", "FH4108:4:38 one of `http`, `command` and `saga` is needed"],
        ),
        (
            "  - { step: a, call: 'POST x/a', undo: 'POST ${x}/u', output: { v: string } }\n".to_owned(),
            vec!["FH4108:4:22 `POST x/a` is no request: behind the method stands the service: `${payment}`", "FH4109:4:68 `string` is no type; there are text, int, double, bool and any, `[type]` for a list, a map of names for a map"],
        ),
        (
            "  - { step: a, call: { http: \"POST ${x}/{1 +}\", body: { v: input.idd, w: 3 } }, undo: \"POST ${x}/{[1]}\" }\n".to_owned(),
            vec!["FH4110:4:30 `1 +`, at character 4: the expression ends too early", "FH4111:4:60 `input.idd`, at character 7: `input` has no `idd`; did you mean `id`?", "FH4111:4:87 `[1]` gives a list of int, and a path takes text or int"],
        ),
        (
            format!("{A}  - {{ step: b, after: [], call: {{ http: 'POST ${{x}}/b', body: {{ v: a.v }} }}, undo: {{ http: 'POST ${{x}}/b', body: {{ v: b.v }} }} }}\n"),
            vec!["FH4112:5:67 `a.v` uses the output of `a`, which `b` does not wait for", "FH4112:5:116 `b.v` uses the output of its own step"],
        ),
        (
            "  - { step: a, call: 'POST ${x}/a', undo: 'POST ${x}/u', timeout: 10, retry: { attempts: 0, first: x } }\n".replace("timeout: 10,", "timeout: \"10\","),
            vec!["FH4113:4:67 `10` is no length of time", "FH4113:4:92 `attempts` takes 1 to 10000", "FH4113:4:102 `x` is no length of time"],
        ),
        (String::new(), vec!["FH1105:3:6 `steps` takes a list of maps, not nothing"]),
    ] {
        assert_eq!(faults(&format!("{HEAD}{body}")), expected, "{body}");
    }
    assert_eq!(
        faults("saga: s\nsteps: []\n"),
        ["FH4115:2:1 a saga has 1 to 64 steps, not 0"]
    );
    let step = "  - { call: 'POST ${x}/a', undo: 'POST ${x}/u', step: a";
    let many: Vec<String> = (0..65).map(|at| format!("{step}{at} }}\n")).collect();
    let many = many.concat();
    assert_eq!(
        faults(&format!("{HEAD}{many}")),
        ["FH4115:3:1 a saga has 1 to 64 steps, not 65"]
    );
    let start = format!(
        "saga: s\ninput: {{ id: text }}\nlocks: {{ keys: [input.n, 1 + 1] }}\nstart: {{ event: e.v1, key: event.id, input: {{}} }}\nsteps:\n{A}"
    );
    assert_eq!(
        faults(&start),
        [
            "FH4111:3:17 `input.n`, at character 7: `input` has no `n`, but id",
            "FH4111:3:26 `1 + 1` gives int, and a text is needed",
            "FH4109:4:38 the input needs `id`",
        ]
    );
}

#[test]
fn several_definitions_are_held_against_each_other() {
    let saga = |name: &str, inner: &str| {
        let text = format!(
            "saga: {name}\nsteps:\n  - step: a\n    call: {{ saga: {inner}, body: {{}} }}\n    undo: POST ${{payments}}/u\n"
        );
        loaded(&text).expect("no fault")
    };
    let plain = loaded(&format!("{HEAD}{A}")).expect("no fault");
    let check = |sagas: &[Loaded]| -> Vec<String> {
        check_together(sagas, &["x", "payment"])
            .iter()
            .map(|fault| format!("{} {}", fault.code, fault.message))
            .collect()
    };
    assert_eq!(check(std::slice::from_ref(&plain)), [""; 0]);
    assert_eq!(
        check(&[saga("one", "s"), plain.clone(), plain]),
        [
            "FH4117 `a` calls `payments`, which is not described",
            "FH4116 there are two sagas `s`"
        ]
    );
    let circle = [
        saga("one", "two"),
        saga("two", "three"),
        saga("three", "one"),
    ];
    let found = check(&circle);
    assert!(found.contains(
        &"FH4114 sagas start each other in a circle: one → two → three → one".to_owned()
    ));
    assert_eq!(
        found
            .iter()
            .filter(|fault| fault.starts_with("FH4114"))
            .count(),
        3
    );
    assert!(
        check(&[saga("one", "one")])
            .contains(&"FH4114 sagas start each other in a circle: one → one".to_owned())
    );
    assert!(
        check(&[saga("one", "non")])
            .contains(&"FH4114 `a` starts the saga `non`, which is not there".to_owned())
    );
}

#[test]
fn a_system_brings_its_sagas_and_their_faults() {
    let system = "system: shop\nservers: { main: { engine: sqlite, url: 'file:data' } }\nservices: [services/*]\n";
    let orders = "service: orders\nstore: { server: main }\nsagas: [sagas/a.yaml, sagas/b.yaml]\n";
    let payment = "service: payment\nstore: { server: main }\n";
    let a = "saga: a\nsteps:\n  - step: pay\n    call: POST ${payment}/p\n    undo: POST ${payment}/u\n";
    let with = |b: Option<&str>| {
        let mut files = MemoryFiles::new([
            ("freehold.yaml", system),
            ("services/orders/service.yaml", orders),
            ("services/payment/service.yaml", payment),
            ("services/orders/sagas/a.yaml", a),
            ("services/orders/migrations/x", ""),
            ("services/payment/migrations/x", ""),
        ]);
        if let Some(b) = b {
            let path = "services/orders/sagas/b.yaml";
            files.0.insert(path.into(), b.to_owned());
        }
        let system = freehold_model::load(Path::new(""), None, &files).expect("no fault");
        let loaded = freehold_saga::load(Path::new(""), &system, &files);
        loaded.map(|sagas| sagas["orders"].len()).map_err(|faults| {
            let shown = faults.iter().map(ToString::to_string);
            shown.collect::<Vec<_>>()
        })
    };
    assert_eq!(with(Some(&a.replace("saga: a", "saga: b"))), Ok(2));
    let missing = "FH1101: there is no file services/orders/sagas/b.yaml";
    assert_eq!(with(None), Err(vec![missing.to_owned()]));
    let twice = "FH4116: services/orders/sagas/b.yaml:1:7: there are two sagas `a`";
    assert_eq!(with(Some(a)), Err(vec![twice.to_owned()]));
}

#[test]
fn editors_get_a_schema() {
    let schema = json_schema();
    assert_eq!(
        schema["properties"]["steps"]["items"]["$ref"],
        "#/$defs/StepFile"
    );
    assert_eq!(schema["required"], json!(["saga", "steps"]));
}
