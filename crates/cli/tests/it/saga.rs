//! A saga through the real binary: described, applied, started in a business transaction, run by
//! `freehold run`, killed in between, seen and steered by its operator. On SQLite, with a
//! participant that is a dozen lines of HTTP.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::events::{Sidecars, freehold};

const SAGA: &str = "saga: place_order
input: { order: text }
steps:
  - step: reserve
    call: { http: \"POST ${payment}/reserve\", body: { order: input.order } }
    undo: { http: \"POST ${payment}/reserve\", body: { order: input.order } }
  - step: look
    kind: approval
  - step: charge
    kind: pivot
    call: { http: \"POST ${payment}/charge\", body: { order: input.order } }
    resolve: { http: \"POST ${payment}/charge\", body: { order: input.order } }
";

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
            "services/orders/service.yaml",
            "service: orders\nstore: { server: main }\nsagas: [sagas/place_order.yaml]\n",
        ),
        ("services/orders/sagas/place_order.yaml", SAGA),
        (
            "services/orders/migrations/0001_orders.up.sql",
            "CREATE TABLE orders (order_id TEXT PRIMARY KEY);\n",
        ),
        (
            "services/payment/service.yaml",
            "service: payment\nstore: { server: main }\n",
        ),
        (
            "services/payment/migrations/0001_payments.up.sql",
            "CREATE TABLE payments (payment_id TEXT PRIMARY KEY);\n",
        ),
    ] {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, text).expect("written");
    }
    folder
}

/// Answers every request with `done` or `undone`, and keeps their keys.
fn participant() -> (String, Arc<Mutex<BTreeSet<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("its address"));
    let seen = Arc::new(Mutex::new(BTreeSet::new()));
    let keys = Arc::clone(&seen);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let keys = Arc::clone(&keys);
            std::thread::spawn(move || serve(stream, &keys));
        }
    });
    (address, seen)
}

pub(crate) fn serve(stream: TcpStream, keys: &Mutex<BTreeSet<String>>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut stream = stream;
    loop {
        let (mut key, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let line = line.trim().to_owned();
            if line.is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':') {
                match name.to_lowercase().as_str() {
                    "idempotency-key" => value.trim().clone_into(&mut key),
                    "content-length" => length = value.trim().parse().ok()?,
                    _ => {}
                }
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let outcome = if key.ends_with("/undo") {
            "undone"
        } else {
            "done"
        };
        keys.lock().ok()?.insert(key.clone());
        let reply = format!(
            "HTTP/1.1 200 OK\r\nidempotency-key: {key}\r\nfreehold-outcome: {outcome}\r\ncontent-length: 2\r\n\r\n{{}}"
        );
        stream.write_all(reply.as_bytes()).ok()?;
    }
}

pub(crate) fn run(folder: &Path, arguments: &[&str]) -> (bool, String) {
    let output = freehold(folder, arguments).output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), text)
}

fn sagas(folder: &Path) -> Vec<Value> {
    let (_, text) = run(folder, &["saga", "list", "--all", "--json"]);
    let listed: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}"));
    listed["sagas"].as_array().cloned().unwrap_or_default()
}

pub(crate) fn until(folder: &Path, key: &str, is: impl Fn(&Value) -> bool) -> Value {
    let began = Instant::now();
    loop {
        let all = sagas(folder);
        if let Some(saga) = all.iter().find(|it| it["key"] == key && is(it)) {
            return saga.clone();
        }
        assert!(began.elapsed() < Duration::from_mins(1), "{key}: {all:#?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn sidecar(folder: &Path, address: &str) -> Sidecars {
    let mut command = freehold(folder, &["run"]);
    command
        .env("PAYMENT_URL", address)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null());
    Sidecars(command.spawn().expect("a sidecar"))
}

#[test]
fn a_saga_runs_through_the_binary() {
    let folder = system();
    let folder = folder.path();
    let (address, keys) = participant();
    let (applied, text) = run(folder, &["apply"]);
    assert!(applied, "{text}");
    let (_, text) = run(folder, &["plan", "--exit-code"]);
    assert!(
        text.contains("as described") || text.contains("Nothing"),
        "{text}"
    );

    // Two orders with their sagas, each in one transaction.
    let store = rusqlite::Connection::open(folder.join("data/orders/store.db")).expect("opened");
    for order in ["o-1", "o-2"] {
        let sql = format!(
            "BEGIN; INSERT INTO orders VALUES ('{order}'); INSERT INTO freehold_saga_start (definition, key, input) VALUES ('place_order', '{order}', '{{\"order\": \"{order}\"}}'); COMMIT"
        );
        store.execute_batch(&sql).expect("started");
    }
    drop(store);
    let first = sidecar(folder, &address);
    let waits = until(folder, "o-1", |it| it["step"] == "look");
    assert_eq!(waits["status"], "waiting");
    until(folder, "o-2", |it| it["step"] == "look");
    drop(first);

    // Nobody is there: what is asked is kept, and said to be.
    let (asked, text) = run(folder, &["saga", "approve", "orders", "o-1", "look"]);
    assert!(!asked && text.contains("FH4135"), "{text}");
    let _second = sidecar(folder, &address);
    let done = until(folder, "o-1", |it| it["ended"] == true);
    assert_eq!(done["status"], "completed");

    let (_, text) = run(folder, &["saga", "cancel", "orders", "o-2"]);
    assert!(text.contains("done"), "{text}");
    let back = until(folder, "o-2", |it| it["ended"] == true);
    assert_eq!(back["status"], "compensated");
    let (_, text) = run(folder, &["saga", "show", "orders", "o-2"]);
    for part in ["reserve", "taken back", "asked for cancel", "done"] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
    let keys = keys.lock().expect("nobody panics").clone();
    let count = |end: &str| keys.iter().filter(|key| key.ends_with(end)).count();
    assert_eq!((count("reserve/1/action"), count("reserve/1/undo")), (2, 1));
    assert_eq!(count("charge/1/action"), 1);

    let (stranded, text) = run(folder, &["saga", "check-deploy"]);
    assert!(stranded, "{text}");
    let (_, text) = run(folder, &["saga", "show", "orders", "o-3"]);
    assert!(text.contains("FH4133"), "{text}");
    let (_, text) = run(
        folder,
        &[
            "saga",
            "start",
            "orders",
            "place_order",
            "o-4",
            "--input",
            "{",
        ],
    );
    assert!(text.contains("FH4134"), "{text}");
}

#[test]
fn a_saga_with_a_fault_is_refused_before_anything_changes() {
    let folder = system();
    let folder = folder.path();
    let file = folder.join("services/orders/sagas/place_order.yaml");
    fs::write(&file, SAGA.replace("${payment}", "${payments}")).expect("written");
    for command in ["apply", "check"] {
        let (done, text) = run(folder, &[command]);
        assert!(!done && text.contains("FH4117"), "{command}: {text}");
    }
    assert!(!folder.join("data").exists(), "something was made");
    let (_, text) = run(folder, &["schema"]);
    assert!(text.contains("compensatable"), "{text}");
}
