//! A saga that an event starts and another approves, whose steps go over the broker to a service
//! that is away at first: nobody calls anybody, and nothing is lost.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use tempfile::TempDir;

use crate::events::{Sidecars, freehold};
use crate::saga::{run, serve, until};

const SAGA: &str = "saga: fulfil
input: { order: text }
start: { event: order.placed.v1, key: event.orderId, input: { order: event.orderId } }
steps:
  - step: reserve
    call: { command: \"POST ${stock}/reserve\", body: { order: input.order } }
    undo: { command: \"POST ${stock}/release\", body: { order: input.order } }
  - step: look
    kind: approval
    approved_by: order.checked.v1
  - step: take
    kind: pivot
    call: { command: \"POST ${stock}/take\", body: { order: input.order } }
    resolve: { command: \"POST ${stock}/take\", body: { order: input.order } }
";

const SCHEMA: &str =
    r#"{"type":"object","properties":{"orderId":{"type":"string"}},"required":["orderId"]}"#;

fn system() -> TempDir {
    let folder = tempfile::Builder::new()
        .prefix("freehold-test-")
        .tempdir()
        .expect("a temporary folder");
    for (path, text) in [
        (
            "freehold.yaml",
            "system: shop\nservers:\n  main: { engine: sqlite, url: \"sqlite:data\" }\n",
        ),
        (
            "services/shop/service.yaml",
            "service: shop\nstore: { server: main }\npublishes:\n  order.placed.v1: { schema: e.json, key: orderId }\n  order.checked.v1: { schema: e.json, key: orderId }\n",
        ),
        ("services/shop/e.json", SCHEMA),
        (
            "services/shop/migrations/0001_carts.up.sql",
            "CREATE TABLE carts (cart_id TEXT PRIMARY KEY);\n",
        ),
        (
            "services/orders/service.yaml",
            "service: orders\nstore: { server: main }\nsagas: [fulfil.yaml]\n",
        ),
        ("services/orders/fulfil.yaml", SAGA),
        (
            "services/orders/migrations/0001_orders.up.sql",
            "CREATE TABLE orders (order_id TEXT PRIMARY KEY);\n",
        ),
        (
            "services/stock/service.yaml",
            "service: stock\nstore: { server: main }\n",
        ),
        (
            "services/stock/migrations/0001_stock.up.sql",
            "CREATE TABLE stock (book_id TEXT PRIMARY KEY);\n",
        ),
    ] {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, text).expect("written");
    }
    folder
}

fn tell(folder: &Path, topic: &str, order: &str) {
    let store = rusqlite::Connection::open(folder.join("data/shop/store.db")).expect("opened");
    store
        .busy_timeout(std::time::Duration::from_secs(10))
        .expect("set");
    let sql = "INSERT INTO freehold_outbox (topic, key, payload) VALUES (?, ?, ?)";
    let payload = format!("{{\"orderId\": \"{order}\"}}");
    store.execute(sql, [topic, order, &payload]).expect("told");
}

/// An address where nobody listens: none that the system gives to whoever connects, or a connection
/// to it could meet itself.
fn nobodys() -> std::net::SocketAddr {
    let first = 20_000 + u16::try_from(std::process::id() % 8_000).unwrap_or(0);
    let free = (first..).find_map(|port| TcpListener::bind(("127.0.0.1", port)).ok());
    let address = free.and_then(|it| it.local_addr().ok());
    address.expect("a free port")
}

#[test]
fn a_saga_starts_by_event_and_asks_over_the_broker() {
    let folder = system();
    let folder = folder.path();
    let (applied, text) = run(folder, &["apply"]);
    assert!(applied, "{text}");
    // Its port is known, and nobody listens there yet.
    let address = nobodys();
    let mut command = freehold(folder, &["run"]);
    command
        .env("STOCK_URL", format!("http://{address}"))
        .stdout(Stdio::null());
    let _sidecars = Sidecars(command.spawn().expect("sidecars"));

    for _ in 0..2 {
        tell(folder, "order.placed.v1", "o-1");
    }
    until(folder, "o-1", |it| it["step"] == "reserve");

    let keys = Arc::new(Mutex::new(BTreeSet::new()));
    let seen = Arc::clone(&keys);
    let stock = TcpListener::bind(address).expect("the port is still free");
    std::thread::spawn(move || {
        for stream in stock.incoming().flatten() {
            let seen = Arc::clone(&seen);
            std::thread::spawn(move || serve(stream, &seen));
        }
    });
    until(folder, "o-1", |it| it["step"] == "look");
    tell(folder, "order.checked.v1", "o-1");
    let done = until(folder, "o-1", |it| it["ended"] == true);
    assert_eq!(done["status"], "completed");
    let (_, text) = run(folder, &["saga", "show", "orders", "o-1"]);
    assert!(text.contains("event "), "who approved is not in:\n{text}");
    let keys = keys.lock().expect("nobody panics").clone();
    let ends: Vec<&str> = keys
        .iter()
        .filter_map(|key| key.split_once('/').map(|(_, end)| end))
        .collect();
    assert_eq!(ends, ["reserve/1/action", "take/1/action"]);
}

#[test]
fn an_event_that_nobody_publishes_is_found_by_the_check() {
    let folder = system();
    let folder = folder.path();
    let file = folder.join("services/orders/fulfil.yaml");
    fs::write(&file, SAGA.replace("order.checked.v1", "order.chequed.v1")).expect("written");
    for command in ["check", "apply"] {
        let (done, text) = run(folder, &[command]);
        assert!(!done && text.contains("FH4118"), "{command}: {text}");
        assert!(text.contains("fulfil.yaml:10"), "{command}: {text}");
        assert!(text.contains("order.checked.v1"), "{command}: {text}");
    }
}

#[test]
fn who_only_takes_part_has_something_to_run() {
    let folder = system();
    let folder = folder.path();
    let (applied, text) = run(folder, &["apply"]);
    assert!(applied, "{text}");
    let mut command = freehold(folder, &["run", "stock", "--json"]);
    command
        .env("STOCK_URL", format!("http://{}", nobodys()))
        .stdout(Stdio::piped());
    let mut sidecar = Sidecars(command.spawn().expect("a sidecar"));
    let stdout = sidecar.0.stdout.take().expect("its output");
    let mut said = serde_json::Deserializer::from_reader(stdout).into_iter();
    let first: serde_json::Value = said.next().expect("it runs").expect("JSON");
    assert!(first["metrics"].is_string(), "{first}");
    // Over plain HTTP nobody needs a sidecar to be asked.
    let file = folder.join("services/orders/fulfil.yaml");
    fs::write(&file, SAGA.replace("command: \"POST", "http: \"POST")).expect("written");
    let (ran, text) = run(folder, &["run", "stock"]);
    assert!(!ran && text.contains("FH3921"), "{text}");
}
