//! A change in one service's store reaches another's copy through the real binary, also when it is
//! killed in between; on SQLite with the embedded broker.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

const FILES: [(&str, &str); 6] = [
    (
        "freehold.yaml",
        "system: shop\nservers:\n  main: { engine: sqlite, url: \"sqlite:data\" }\n",
    ),
    (
        "services/catalog/service.yaml",
        "service: catalog\nstore: { server: main }\npublishes:\n  book.changed.v1: { schema: events/book.json, key: bookId }\n",
    ),
    ("services/catalog/events/book.json", "{}\n"),
    (
        "services/catalog/migrations/0001_books.up.sql",
        "CREATE TABLE books (book_id INTEGER PRIMARY KEY, title TEXT NOT NULL, version INTEGER NOT NULL);\n",
    ),
    (
        "services/orders/service.yaml",
        "service: orders\nstore: { server: main }\ncopies:\n  book_cache:\n    from: catalog/book.changed.v1\n    key: { book_id: bookId }\n    columns: { title: title, version_number: version }\n    provenance: { version: version_number, source: source_service }\n",
    ),
    (
        "services/orders/migrations/0001_book_cache.up.sql",
        "CREATE TABLE book_cache (book_id INTEGER PRIMARY KEY, title TEXT NOT NULL, version_number INTEGER NOT NULL, source_service TEXT NOT NULL);\n",
    ),
];

pub(crate) fn shop() -> TempDir {
    let folder = tempfile::Builder::new()
        .prefix("freehold-test-")
        .tempdir()
        .expect("a temporary folder");
    for (path, text) in FILES {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, text).expect("written");
    }
    folder
}

pub(crate) fn freehold(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_freehold"));
    command
        .current_dir(folder)
        .args(arguments)
        .env("NO_COLOR", "1");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Killed when the test is over, however it ends.
pub(crate) struct Sidecars(pub(crate) Child);

impl Drop for Sidecars {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) fn publish(folder: &Path, book: i64, version: i64) {
    let payload =
        format!("{{\"bookId\": {book}, \"title\": \"Title {version}\", \"version\": {version}}}");
    publish_text(folder, &book.to_string(), &payload);
}

pub(crate) fn publish_text(folder: &Path, key: &str, payload: &str) {
    let store = rusqlite::Connection::open(folder.join("data/catalog/store.db")).expect("opened");
    store
        .busy_timeout(Duration::from_secs(10))
        .expect("patience");
    let sql =
        "INSERT INTO freehold_outbox (topic, key, payload) VALUES ('book.changed.v1', ?1, ?2)";
    store.execute(sql, (key, payload)).expect("published");
}

/// Waits until the copy of this book has this version.
pub(crate) fn wait_for(folder: &Path, book: i64, version: i64) {
    let store = rusqlite::Connection::open(folder.join("data/orders/store.db")).expect("opened");
    store
        .busy_timeout(Duration::from_secs(10))
        .expect("patience");
    let begun = Instant::now();
    loop {
        let sql = "SELECT version_number FROM book_cache WHERE book_id = ?1";
        let found: Option<i64> = store.query_row(sql, [book], |row| row.get(0)).ok();
        if found == Some(version) {
            return;
        }
        assert!(
            begun.elapsed() < Duration::from_mins(3),
            "{found:?} of {version} after three minutes"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_change_reaches_the_copy_also_after_a_kill() {
    let shop = shop();
    let folder = shop.path();
    let applied = freehold(folder, &["apply"])
        .output()
        .expect("the binary runs");
    assert!(applied.status.success(), "{applied:?}");
    let second = freehold(folder, &["plan", "--exit-code"])
        .output()
        .expect("the binary runs");
    assert!(second.status.success(), "{second:?}");

    let mut running = Sidecars(freehold(folder, &["run"]).spawn().expect("it starts"));
    publish(folder, 5, 1);
    wait_for(folder, 5, 1);
    running.0.kill().expect("killed");
    running.0.wait().expect("gone");
    publish(folder, 5, 2);
    publish(folder, 6, 1);
    drop(running);

    let running = Sidecars(freehold(folder, &["run"]).spawn().expect("it starts"));
    wait_for(folder, 5, 2);
    wait_for(folder, 6, 1);
    drop(running);

    let destroyed = freehold(folder, &["destroy", "--yes"])
        .output()
        .expect("the binary runs");
    assert!(destroyed.status.success(), "{destroyed:?}");
    assert!(
        !folder.join("data/catalog").exists(),
        "the relay's file goes with the store"
    );
}

#[test]
fn nothing_to_run_is_said() {
    let shop = shop();
    for service in ["catalog", "orders"] {
        let text = format!("service: {service}\nstore: {{ server: main }}\n");
        fs::write(
            shop.path().join(format!("services/{service}/service.yaml")),
            text,
        )
        .expect("written");
    }
    let said = freehold(shop.path(), &["run"])
        .output()
        .expect("the binary runs");
    let error = String::from_utf8_lossy(&said.stderr);
    assert!(error.contains("error[FH3921]"), "{error}");
}

/// The first thing that `freehold run --json` prints.
pub(crate) fn first_said(running: &mut Sidecars) -> serde_json::Value {
    let stdout = running.0.stdout.take().expect("its output");
    let mut said = serde_json::Deserializer::from_reader(stdout).into_iter();
    let first = said.next().expect("something").expect("JSON");
    // Nobody reads the rest; a thread keeps the pipe open.
    std::thread::spawn(move || said.for_each(|_: Result<serde_json::Value, _>| {}));
    first
}

pub(crate) fn get(url: &str, path: &str) -> String {
    use std::io::{Read as _, Write as _};
    let host = url
        .trim_start_matches("http://")
        .split('/')
        .next()
        .expect("a host");
    let mut stream = std::net::TcpStream::connect(host).expect("it answers");
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    )
    .expect("asked");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("answered");
    text
}

fn not_current(url: &str) -> bool {
    let said = "freehold_not_current{service=\"orders\",source=\"catalog\"} 1";
    get(url, "/metrics").contains(said)
}

/// Asks again until the text has this.
fn get_until(url: &str, path: &str, wanted: &str) {
    let begun = Instant::now();
    loop {
        let text = get(url, path);
        if text.contains(wanted) {
            return;
        }
        assert!(
            begun.elapsed() < Duration::from_mins(3),
            "{wanted} in {text}"
        );
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_new_copy_is_filled_and_a_parked_key_is_seen_and_left_out() {
    let shop = shop();
    let folder = shop.path();
    let description = "service: catalog\nstore: { server: main }\npublishes:\n  book.changed.v1:\n    schema: events/book.json\n    key: bookId\n    snapshot: \"SELECT book_id, json_object('bookId', book_id, 'title', title, 'version', version) FROM books\"\n";
    fs::write(folder.join("services/catalog/service.yaml"), description).expect("written");
    let applied = freehold(folder, &["apply"])
        .output()
        .expect("the binary runs");
    assert!(applied.status.success(), "{applied:?}");
    let store = rusqlite::Connection::open(folder.join("data/catalog/store.db")).expect("opened");
    store
        .execute("INSERT INTO books VALUES (5, 'Emma', 3)", [])
        .expect("older than any event");
    drop(store);

    let mut running = Sidecars(
        freehold(folder, &["run", "--json"])
            .spawn()
            .expect("it starts"),
    );
    let metrics = first_said(&mut running)["metrics"]
        .as_str()
        .expect("a URL")
        .to_owned();
    wait_for(folder, 5, 3);
    get_until(&metrics, "/readyz", "200 OK");
    get_until(
        &metrics,
        "/metrics",
        "freehold_not_current{service=\"orders\",source=\"catalog\"} 0",
    );
    publish_text(folder, "7", "{\"title\": \"whose?\"}");
    get_until(
        &metrics,
        "/metrics",
        "freehold_parked_keys{service=\"orders\",source=\"catalog\"} 1",
    );
    get_until(
        &metrics,
        "/metrics",
        "freehold_not_current{service=\"orders\",source=\"catalog\"} 1",
    );
    assert!(get(&metrics, "/healthz").contains("200 OK"));
    let listed = freehold(folder, &["events", "list"])
        .output()
        .expect("the binary runs");
    let text = String::from_utf8_lossy(&listed.stdout);
    assert!(text.contains("keys parked: 1"), "{listed:?}");
    let dead = freehold(folder, &["events", "dead", "--json"])
        .output()
        .expect("the binary runs");
    let dead: serde_json::Value = serde_json::from_slice(&dead.stdout).expect("JSON");
    assert_eq!(dead[0]["event"]["key"], "7", "{dead}");
    let again = freehold(folder, &["events", "retry", "orders", "7"])
        .output()
        .expect("it runs");
    let error = String::from_utf8_lossy(&again.stderr);
    assert!(error.contains("error[FH3913]"), "{again:?}");
    let left_out = freehold(folder, &["events", "skip", "orders", "7"])
        .output()
        .expect("it runs");
    assert!(left_out.status.success(), "{left_out:?}");
    // It is not what its source says until the source says more.
    get_until(
        &metrics,
        "/metrics",
        "freehold_left_out{service=\"orders\",source=\"catalog\"} 1",
    );
    assert!(not_current(&metrics));
    publish(folder, 7, 1);
    wait_for(folder, 7, 1);
    get_until(
        &metrics,
        "/metrics",
        "freehold_not_current{service=\"orders\",source=\"catalog\"} 0",
    );
    for (range, why) in [
        ("book.changed.v1", "EVENT/LANE..POSITION"),
        ("book.changed.v1/7..1-00c0ffee.17.4711", "error[FH3915]"),
    ] {
        let said = freehold(folder, &["events", "skip", "orders", "--range", range]);
        let said = { said }.output().expect("it runs");
        let error = String::from_utf8_lossy(&said.stderr);
        assert!(!said.status.success(), "{said:?}");
        assert!(error.contains(why), "{error}");
    }
    let status = freehold(folder, &["status"])
        .output()
        .expect("the binary runs");
    let text = String::from_utf8_lossy(&status.stdout);
    assert!(text.contains("current"), "{status:?}");
}

/// Writes a book, with an event whose token is wanted, as a program with the library would.
fn write_for_token(folder: &Path, book: i64, version: i64) -> freehold::Token {
    let path = folder.join("data/catalog/store.db");
    let mut store = rusqlite::Connection::open(path).expect("the store");
    store
        .busy_timeout(Duration::from_mins(1))
        .expect("patience");
    let payload = serde_json::json!({"bookId": book, "title": "T", "version": version});
    let event = freehold::Event::new("book.changed.v1", book.to_string(), &payload);
    let transaction = store.transaction().expect("begun");
    let written = freehold::outbox::rusqlite::publish_named(&transaction, &event.expect("one"));
    let written = written.expect("written");
    transaction.commit().expect("committed");
    let clock = freehold::outbox::rusqlite::clock(&store).expect("a clock");
    written.token("catalog", clock)
}

fn ask(url: &str, path: &str) -> Result<(), freehold::NotSeen> {
    let text = get(url, path);
    let status = text.get(9..12).and_then(|it| it.parse().ok());
    let body = text.split_once("\r\n\r\n").map_or("", |it| it.1);
    freehold::token::answered(status.expect("a status"), body)
}

#[test]
fn who_has_a_token_reads_what_was_written() {
    let shop = shop();
    let folder = shop.path();
    let applied = freehold(folder, &["apply"])
        .output()
        .expect("the binary runs");
    assert!(applied.status.success(), "{applied:?}");
    let mut running = Sidecars(
        freehold(folder, &["run", "--json"])
            .spawn()
            .expect("it starts"),
    );
    let url = first_said(&mut running)["metrics"]
        .as_str()
        .expect("a URL")
        .to_owned();
    let long = Duration::from_secs(30);
    for version in 1..=5 {
        let token = write_for_token(folder, 5, version);
        // A slow machine may take more than one wait; nothing old is passed off as new meanwhile.
        let begun = Instant::now();
        while let Err(not_seen) = ask(&url, &token.question("orders", long)) {
            // It answers before its sidecars run.
            let for_now = ["FH3941", "FH3944"].contains(&not_seen.code.as_str());
            assert!(for_now, "{not_seen}");
            assert!(begun.elapsed() < Duration::from_mins(3), "{not_seen}");
            std::thread::sleep(Duration::from_millis(20));
        }
        let store = rusqlite::Connection::open(folder.join("data/orders/store.db"));
        let sql = "SELECT version_number FROM book_cache WHERE book_id = 5";
        let seen = store
            .expect("the copy")
            .query_row(sql, [], |row| row.get(0));
        assert_eq!(seen, Ok(version));
    }
    let token = write_for_token(folder, 5, 6);
    let said = |path: &str| ask(&url, path).expect_err("refused").code;
    assert_eq!(said(&token.question("catalog", long)), "FH3944");
    assert_eq!(said("/token?service=orders&token=%5B1%5D"), "FH3940");
}
