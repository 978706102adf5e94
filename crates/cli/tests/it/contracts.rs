//! `check` and `render asyncapi` over the contracts of BookVault's events.

use serde_json::Value;

use crate::binary::Example;

const CONTRACT: &str = "services/catalog/events/book.changed.v1.json";

#[test]
fn a_change_that_hurts_readers_is_refused_by_check() {
    let example = Example::copy("bookvault");
    let said = example.run(&["check"]);
    assert!(!said.err.contains("FH25"), "{}", said.err);
    // What it promises today is kept, and then it promises less.
    let now = std::fs::read_to_string(example.path().join(CONTRACT)).expect("a contract");
    example.write("services/catalog/events/book.changed.v1.1.json", &now);
    let said = example.run(&["check"]);
    assert!(!said.err.contains("FH25"), "{}", said.err);
    example.write(CONTRACT, &now.replace("    \"authorName\",\n", ""));
    let said = example.run(&["check"]);
    assert_eq!(said.refused(2), ["FH2502"], "{}", said.err);
    assert!(
        said.err.contains("the smallest event that shows it: {"),
        "{}",
        said.err
    );
    // A copy takes it, and nobody publishes it.
    let gone = now
        .replace("    \"authorName\",\n", "")
        .replace("\"authorName\"", "\"writer\"");
    example.write(CONTRACT, &gone);
    let codes = example.run(&["check"]).refused(2);
    assert!(codes.iter().any(|code| code == "FH2504"), "{codes:?}");
}

#[test]
fn events_are_rendered_as_asyncapi() {
    let example = Example::copy("bookvault");
    let document: Value =
        serde_json::from_str(&example.run(&["render", "asyncapi"]).done()).expect("JSON");
    assert_eq!(document["asyncapi"], "3.0.0");
    let channels = document["channels"].as_object().expect("channels");
    assert!(channels.len() >= 8, "{channels:#?}");
    let receives = &document["operations"]["orders_receive_book_changed_v1"];
    assert_eq!(receives["channel"]["$ref"], "#/channels/book_changed_v1");
}
