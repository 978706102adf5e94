//! What a description may say of events and copies.

use freehold_model::{EngineKind, Provenance};

use crate::{SYSTEM, check, loaded};

const CATALOG: (&str, &str) = (
    "services/catalog/service.yaml",
    "service: catalog\nstore: { server: main }\npublishes:\n  book.changed.v1: { schema: events/book.json, key: bookId, snapshot: \"SELECT 1\" }\n",
);

/// Checks this text below `copies:` of orders, beside catalog.
#[track_caller]
fn check_copy(copy: &str, expected: &str) {
    let text =
        format!("service: orders\nstore: {{ server: main }}\ncopies:\n  book_cache: {copy}\n");
    check(
        &[SYSTEM, CATALOG, ("services/orders/service.yaml", &text)],
        expected,
    );
}

#[test]
fn events_and_copies_are_carried_on() {
    let text = "service: orders
store: { server: main }
copies:
  book_cache:
    from: catalog/book.changed.v1
    key: { book_id: bookId }
    columns: { title: title, version_number: revision }
    provenance: { version: version_number, source: source_service }
";
    let system = loaded(
        &[SYSTEM, CATALOG, ("services/orders/service.yaml", text)],
        None,
    );
    let published = &system.services["catalog"].publishes["book.changed.v1"];
    assert_eq!(published.key, "bookId");
    assert!(
        published
            .schema
            .ends_with("services/catalog/events/book.json")
    );
    let copy = &system.services["orders"].copies["book_cache"];
    assert_eq!(
        (copy.service.as_str(), copy.event.as_str()),
        ("catalog", "book.changed.v1")
    );
    let origin = Provenance {
        version: Some(("version_number".to_owned(), "revision".to_owned())),
        source: Some("source_service".to_owned()),
        ..Provenance::default()
    };
    assert_eq!(copy.provenance, origin);
}

#[test]
fn a_copy_has_a_publisher() {
    let rest = "key: { book_id: bookId }, provenance: { version: version }";
    check_copy(
        &format!("{{ from: catalogue/book.changed.v1, {rest} }}"),
        "
        FH1141: services/orders/service.yaml:4:23: orders: copy `book_cache`: there is no service `catalogue`
        = did you mean `catalog`?
        ",
    );
    check_copy(
        &format!("{{ from: catalog/book.changed.v2, {rest} }}"),
        "
        FH1141: services/orders/service.yaml:4:23: orders: copy `book_cache`: catalog does not publish `book.changed.v2`
        = did you mean `book.changed.v1`?
        ",
    );
    check_copy(
        &format!("{{ from: books, {rest} }}"),
        "
        FH1141: services/orders/service.yaml:4:23: orders: copy `book_cache`: `books` is no event of a service
        = it reads service/event: catalog/book.changed.v1
        ",
    );
}

#[test]
fn a_copy_knows_what_is_newer_and_by_which_key() {
    check_copy(
        "{ from: catalog/book.changed.v1, key: { id: id }, provenance: { source: origin } }",
        "
        FH1142: services/orders/service.yaml:4:65: orders: copy `book_cache`: nothing tells which of two rows is newer
        = add a column for it: provenance: { version: version_number } where the event carries the source's own version, else { position: source_position }
        ",
    );
    check_copy(
        "{ from: catalog/book.changed.v1, key: {}, provenance: { versoin: v, position: p } }",
        "
        FH1143: services/orders/service.yaml:4:48: orders: copy `book_cache`: it has no key
        = name the table's key: key: { book_id: bookId }
        FH1142: services/orders/service.yaml:4:80: orders: copy `book_cache`: `versoin` is not known of a row's origin
        = did you mean `version`?
        ",
    );
    check_copy(
        "{ from: catalog/book.changed.v1, key: { id: id }, columns: { id: id }, provenance: { version: v } }",
        "
        FH1143: services/orders/service.yaml:4:80: orders: copy `book_cache`: column `id` is filled twice, as key and as column
        = keep it below `key`
        ",
    );
}

#[test]
fn a_row_of_an_item_is_named_by_its_entity_and_by_the_item() {
    check_copy(
        "{ from: catalog/book.changed.v1, key: { id: id, line: \"@index\" }, provenance: { position: p } }",
        "
        FH1143: services/orders/service.yaml:4:69: orders: copy `book_cache`: `@index` is of an item, and no array is named
        = name it: each: $.order.items[*]
        ",
    );
    check_copy(
        "{ from: catalog/book.changed.v1, each: \"$.items[*]\", key: { id: id }, columns: { sku: \"@sku\" }, fallback: \"GET x\", provenance: { version: v } }",
        "
        FH1143: services/orders/service.yaml:4:54: orders: copy `book_cache`: `@sku` of column `sku` says nothing of an item
        = write @.sku for a field of it, @index for its place, @ for itself
        FH1143: services/orders/service.yaml:4:54: orders: copy `book_cache`: of rows that come and go together, the event's position tells which are newer
        = add a column for it: provenance: { position: source_position }
        FH1143: services/orders/service.yaml:4:68: orders: copy `book_cache`: a row of an item is named by its entity and by the item
        = key: { order_id: order.id, line: \"@index\" }
        FH1143: services/orders/service.yaml:4:121: orders: copy `book_cache`: nobody can be asked for a row of an item
        = leave `fallback` out
        ",
    );
    check_copy(
        "{ from: catalog/book.changed.v1, each: items, key: { id: id, line: \"@index\" }, columns: { sku: \"@.sku\" }, provenance: { position: p } }",
        "",
    );
}

#[test]
fn an_event_has_a_name_and_one_owner() {
    let text = "service: orders\nstore: { server: main }\npublishes:\n  OrderPlaced: { schema: a.json, key: id }\n  book.changed.v1: { schema: a.json, key: id }\n";
    check(
        &[SYSTEM, CATALOG, ("services/orders/service.yaml", text)],
        "
        FH1140: services/orders/service.yaml:4:3: orders: `OrderPlaced` is no name of an event
        = words in lower case parted by dots, then the version: order.confirmed.v2
        FH1144: services/orders/service.yaml:5:3: event `book.changed.v1` is published by catalog and by orders
        = an event has one owner: give one of them another name
        ",
    );
}

#[test]
fn a_snapshot_may_differ_by_engine() {
    let text = "service: catalog
store: { server: main }
publishes:
  book.changed.v1:
    schema: events/book.json
    key: bookId
    snapshot: { postgres: \"SELECT 1\", mysql: \"SELECT 2\" }
";
    let system = loaded(&[SYSTEM, ("services/catalog/service.yaml", text)], None);
    let snapshot = system.services["catalog"].publishes["book.changed.v1"]
        .snapshot
        .as_ref();
    let snapshot = snapshot.expect("a snapshot");
    let on = |kind| snapshot.on(kind);
    assert_eq!(on(EngineKind::Postgres), Some("SELECT 1"));
    assert_eq!(on(EngineKind::Mariadb), Some("SELECT 2"));
    assert_eq!(on(EngineKind::Sqlite), None);
    let text = text.replace("postgres:", "postgresql:");
    check(
        &[SYSTEM, ("services/catalog/service.yaml", &text)],
        "
        FH1145: services/catalog/service.yaml:7:29: catalog: event `book.changed.v1`: `snapshot` names no engine by `postgresql`
        = it takes postgres, mysql, mariadb, sqlite, sqlserver, oracle
        ",
    );
}

const ADOPTED: &str = "service: orders
store: { server: main }
publishes:
  order.created.v1: { schema: events/created.json, key: orderId }
outbox:
  order_events:
    columns: { type: event_type, key: order_id, payload: event_data, id: event_id }
    events: { order_created: order.created.v1 }
";

#[test]
fn an_outbox_that_is_there_is_carried_on() {
    let file = ("services/orders/service.yaml", ADOPTED);
    let system = loaded(&[SYSTEM, file], None);
    let adopted = &system.services["orders"].outboxes["order_events"];
    assert_eq!(
        adopted.columns(),
        ["event_type", "order_id", "event_data", "event_id"]
    );
    assert_eq!(adopted.published, None);
    assert_eq!(adopted.events["order_created"], "order.created.v1");
}

#[test]
fn an_adopted_outbox_names_its_parts_and_events() {
    let text = ADOPTED
        .replace("key: order_id, payload", "kye: order_id, payload")
        .replace(": order.created.v1 }", ": order.created.v2 }");
    check(
        &[SYSTEM, ("services/orders/service.yaml", &text)],
        "
        FH1146: services/orders/service.yaml:7:5: orders: outbox `order_events`: no column for `key`
        = columns: { type: event_type, key: order_id, payload: event_data }
        FH1146: services/orders/service.yaml:7:39: orders: outbox `order_events`: `kye` is no part of an outbox
        = did you mean `key`?
        FH1147: services/orders/service.yaml:8:30: orders: outbox `order_events`: `order_created` is to be `order.created.v2`, which orders does not publish
        = did you mean `order.created.v1`?
        ",
    );
    let text = ADOPTED.replace("{ order_created: order.created.v1 }", "{}");
    check(
        &[SYSTEM, ("services/orders/service.yaml", &text)],
        "
        FH1147: services/orders/service.yaml:8:5: orders: outbox `order_events`: it has no events
        = events: { order_created: order.created.v1 }
        ",
    );
}
