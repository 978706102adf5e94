//! Contracts of a described system: what is refused, with what to do, and what is handed on.

use std::path::Path;

use freehold_boundary::contract::{asyncapi, contracts, whole_copies};
use freehold_model::{Fault, MemoryFiles, System, load};
use serde_json::{Value, json};

const BOOK: &str = r#"{ "type": "object", "properties": { "bookId": { "type": "integer" },
  "title": { "type": "string", "maxLength": 300 }, "price": { "type": "integer" }, "version": { "type": "integer" } },
  "required": ["bookId", "title", "price", "version"] }"#;

/// Catalog publishes, orders keeps a copy of these columns. `more`: files beside.
fn system(columns: &str, publishes: &str, more: &[(&str, &str)]) -> (System, MemoryFiles) {
    let catalog = format!(
        "service: catalog\nteam: a\nstore: {{ server: main }}\npublishes:\n  book.changed.v1: {{ schema: events/book.changed.v1.json, key: bookId{publishes} }}\n"
    );
    let orders = format!(
        "service: orders\nteam: b\nstore: {{ server: main }}\ncopies:\n  book_cache:\n    from: catalog/book.changed.v1\n    key: {{ book_id: bookId }}\n    columns: {{ {columns}, version_number: version }}\n    provenance: {{ version: version_number }}\n"
    );
    let mut files = vec![
        (
            "freehold.yaml",
            "system: shop\nservers:\n  main: { engine: sqlite, url: \"sqlite:data\" }\nservices: [services/*]\n",
        ),
        ("services/catalog/service.yaml", catalog.as_str()),
        ("services/orders/service.yaml", orders.as_str()),
        ("services/catalog/events/book.changed.v1.json", BOOK),
    ];
    for (path, text) in more {
        files.retain(|own| own.0 != *path);
        files.push((path, text));
    }
    let files = MemoryFiles::new(files);
    let system = load(Path::new(""), None, &files).expect("a good description");
    (system, files)
}

#[track_caller]
fn refused(
    columns: &str,
    publishes: &str,
    more: &[(&str, &str)],
    code: &str,
    words: &[&str],
) -> Fault {
    let (system, files) = system(columns, publishes, more);
    let faults = contracts(Path::new(""), &system, &files).expect_err("it is refused");
    let said = faults.iter().find(|own| own.code == code);
    let said = said.unwrap_or_else(|| panic!("no {code}: {faults:#?}"));
    let text = format!("{} {:?}", said.message, said.help);
    for word in words {
        assert!(text.contains(word), "{word}: {text}");
    }
    said.clone()
}

const NOW: &str = "services/catalog/events/book.changed.v1.json";
const BEFORE: &str = "services/catalog/events/book.changed.v1.1.json";
const LATER: &str = "services/catalog/events/book.changed.v1.2.json";

#[test]
fn a_good_system_is_read() {
    let (system, files) = system("title: title", "", &[(BEFORE, BOOK)]);
    let all = contracts(Path::new(""), &system, &files).expect("nothing is wrong");
    assert_eq!(all["book.changed.v1"].service, "catalog");
    assert_eq!(whole_copies(Path::new(""), &system, &files, &all), []);
}

#[test]
fn a_file_that_is_none_is_refused() {
    refused(
        "title: title",
        "",
        &[(NOW, "{ \"type\": ")],
        "FH2501",
        &["no JSON"],
    );
    refused(
        "title: title",
        "",
        &[(NOW, "{ \"type\": \"strnig\" }")],
        "FH2501",
        &["no JSON Schema", "strnig"],
    );
    let (system, mut files) = system("title: title", "", &[]);
    files.0.remove(Path::new(NOW));
    let faults = contracts(Path::new(""), &system, &files).expect_err("it is gone");
    assert_eq!(faults[0].code, "FH2501");
}

#[test]
fn a_change_that_hurts_readers_is_refused_with_an_example() {
    // Less than before was promised: who knows the earlier one cannot read it.
    let shorter = BOOK
        .replace(", \"price\"]", "]")
        .replace("\"title\", \"price\"", "\"title\"");
    let said = refused(
        "title: title",
        "",
        &[(NOW, &shorter), (BEFORE, BOOK)],
        "FH2502",
        &["`/price`", "cannot be read by who knows"],
    );
    assert!(
        said.help[0].contains("{\"bookId\":0,\"title\":\"\",\"version\":0}"),
        "{said:#?}"
    );
    // Texts that were written are too long now: asked of backward and full, not of forward.
    let narrow = BOOK.replace("300", "200");
    let more = [(NOW, narrow.as_str()), (BEFORE, BOOK)];
    refused(
        "title: title",
        "",
        &more,
        "FH2502",
        &["`/title`", "longer than 200"],
    );
    for (mode, good) in [("backward", false), ("forward", true), ("none", true)] {
        let (system, files) = system("title: title", &format!(", compatibility: {mode}"), &more);
        assert_eq!(
            contracts(Path::new(""), &system, &files).is_ok(),
            good,
            "{mode}"
        );
    }
}

#[test]
fn transitive_is_held_against_all() {
    let wide = BOOK.replace("300", "400");
    let more = [(BEFORE, wide.as_str()), (LATER, BOOK)];
    let (last, files) = system("title: title", "", &more);
    contracts(Path::new(""), &last, &files).expect("the last one is kept to");
    refused(
        "title: title",
        ", compatibility: full_transitive",
        &more,
        "FH2502",
        &["v1.1.json"],
    );
}

#[test]
fn what_cannot_be_told_is_not_let_through() {
    let strange = BOOK.replacen(
        "\"type\": \"object\"",
        "\"type\": \"object\", \"minProperties\": 9",
        1,
    );
    refused(
        "title: title",
        "",
        &[(NOW, &strange), (BEFORE, BOOK)],
        "FH2503",
        &["minProperties"],
    );
}

#[test]
fn fields_that_nobody_publishes_are_refused() {
    refused(
        "title: titel",
        "",
        &[],
        "FH2504",
        &["`titel`", "did you mean `title`?"],
    );
    let optional = BOOK.replace("[\"bookId\", ", "[");
    refused(
        "title: title",
        "",
        &[(NOW, &optional)],
        "FH2505",
        &["may be missing"],
    );
    let other = BOOK.replace("bookId", "id");
    refused(
        "title: title",
        "",
        &[(NOW, &other)],
        "FH2505",
        &["no field of it"],
    );
}

#[test]
fn fields_of_items_are_held_against_the_items() {
    let event = BOOK.replacen(
        "\"bookId\": {",
        "\"parts\": { \"type\": \"array\", \"items\": { \"type\": \"object\", \"properties\": { \"sku\": { \"type\": \"string\" } } } }, \"bookId\": {",
        1,
    );
    let copy = |each: &str, field: &str| {
        format!(
            "service: orders\nteam: b\nstore: {{ server: main }}\ncopies:\n  parts:\n    from: catalog/book.changed.v1\n    each: {each}\n    key: {{ book_id: bookId, line: \"@index\" }}\n    columns: {{ sku: \"{field}\" }}\n    provenance: {{ position: at }}\n"
        )
    };
    let good = copy("parts", "@.sku");
    let place = "services/orders/service.yaml";
    let (last, files) = system("title: title", "", &[(NOW, &event), (place, &good)]);
    contracts(Path::new(""), &last, &files).expect("both are there");
    for (each, field, words) in [
        ("parts", "@.skv", ["`@.skv`", "did you mean `sku`?"]),
        ("prats", "@.sku", ["`prats`", "did you mean `parts`?"]),
    ] {
        let wrong = copy(each, field);
        let more = [(NOW, event.as_str()), (place, wrong.as_str())];
        refused("title: title", "", &more, "FH2504", &words);
    }
}

#[test]
fn a_copy_of_everything_is_told() {
    let names = ["a", "b", "c", "d"];
    let fields = names.map(|name| format!("\"{name}\": {{ \"type\": \"integer\" }}, "));
    let wide = BOOK.replace(
        "\"bookId\": {",
        &format!("{}\"bookId\": {{", fields.concat()),
    );
    let of = |columns: &str| {
        let (system, files) = system(columns, "", &[(NOW, &wide)]);
        let all = contracts(Path::new(""), &system, &files).expect("it may be");
        whole_copies(Path::new(""), &system, &files, &all)
    };
    assert_eq!(of("title: title, price: price, a: a, b: b, c: c"), []);
    let found = of("title: title, price: price, a: a, b: b, c: c, d: d");
    assert_eq!(found.len(), 1);
    assert_eq!(
        (
            found[0].code.as_str(),
            found[0].spot.line,
            found[0].spot.column
        ),
        ("FH2129", 5, 3)
    );
}

#[test]
fn events_are_handed_on_as_asyncapi() {
    let own = BOOK.replace(
        "{ \"type\": \"string\", \"maxLength\": 300 }",
        "{ \"$ref\": \"#/$defs/text\" }",
    );
    let own = own.replacen(
        '{',
        "{ \"$schema\": \"x\", \"$defs\": { \"text\": { \"type\": \"string\" } },",
        1,
    );
    let (system, files) = system("title: title", "", &[(NOW, &own)]);
    let all = contracts(Path::new(""), &system, &files).expect("good");
    let document = asyncapi(&system, &all);
    assert_eq!(document["asyncapi"], "3.0.0");
    assert_eq!(
        document["channels"]["book_changed_v1"]["address"],
        "book.changed.v1"
    );
    let operations = document["operations"].as_object().expect("operations");
    let names: Vec<&String> = operations.keys().collect();
    assert_eq!(
        names,
        [
            "catalog_send_book_changed_v1",
            "orders_receive_book_changed_v1"
        ]
    );
    // Every pointer leads somewhere.
    let mut pointers = Vec::new();
    collect(&document, &mut pointers);
    assert_eq!(pointers.len(), 7, "{pointers:?}");
    for pointer in pointers {
        assert!(document.pointer(&pointer[1..]).is_some(), "{pointer}");
    }
    assert_eq!(
        document.pointer("/components/schemas/book_changed_v1/$schema"),
        None
    );
    assert_eq!(
        document["info"],
        json!({ "title": "shop", "version": "1.0.0" })
    );
}

fn collect(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            if let Some(text) = object.get("$ref").and_then(Value::as_str) {
                found.push(text.to_owned());
            }
            object.values().for_each(|own| collect(own, found));
        }
        Value::Array(all) => all.iter().for_each(|own| collect(own, found)),
        _ => {}
    }
}
