//! `freehold up` runs BookVault's programs on SQLite: it comes up, takes orders, heals, and leaves
//! nothing behind, however it ends.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Once;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::binary::Example;

pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// The folder of BookVault's binary, built if it is not.
pub(crate) fn programs() -> PathBuf {
    static BUILT: Once = Once::new();
    BUILT.call_once(|| {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let built = Command::new(cargo)
            .args(["build", "--quiet", "--package", "bookvault"])
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
            .status();
        assert!(
            built.is_ok_and(|status| status.success()),
            "bookvault is built"
        );
    });
    let binary = Path::new(env!("CARGO_BIN_EXE_freehold"));
    binary.parent().expect("a folder").to_owned()
}

pub(crate) fn bookvault() -> Example {
    let mut bookvault = Example::copy("bookvault");
    let path = std::env::var("PATH").unwrap_or_default();
    bookvault.set("PATH", &format!("{}:{path}", programs().display()));
    bookvault
}

/// Killed when the test fails; then its guard cleans up.
pub(crate) struct Up {
    pub(crate) child: Child,
    lines: std::sync::mpsc::Receiver<Value>,
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Up {
    pub(crate) fn start(bookvault: &Example) -> Self {
        Self::begin(bookvault, &["up", "--json"])
    }

    pub(crate) fn begin(bookvault: &Example, arguments: &[&str]) -> Self {
        let mut child = bookvault
            .command(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let out = child.stdout.take().expect("piped");
        let (sender, lines) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if let Ok(value) = serde_json::from_str(&line)
                    && sender.send(value).is_err()
                {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    /// The next thing that it tells of this kind.
    #[track_caller]
    pub(crate) fn told(&self, is: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        let mut seen = Vec::new();
        while let Some(left) = PATIENCE.checked_sub(begun.elapsed()) {
            let Ok(value) = self.lines.recv_timeout(left) else {
                break;
            };
            if is(&value) {
                return value;
            }
            seen.push(value.to_string());
        }
        panic!("not told; instead:\n{}", seen.join("\n"));
    }

    pub(crate) fn ready(&self) -> Value {
        self.told(|value| value["event"] == "ready")
    }

    pub(crate) fn interrupt(&mut self) -> i32 {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-INT", &pid]).status();
        assert!(sent.is_ok_and(|status| status.success()));
        let status = self.child.wait().expect("it ends");
        status.code().expect("by itself")
    }
}

pub(crate) fn of<'a>(ready: &'a Value, name: &str) -> &'a Value {
    let programs = ready["programs"].as_array().expect("programs");
    let found = programs.iter().find(|seen| seen["name"] == name);
    found.unwrap_or_else(|| panic!("{name} is not among {programs:?}"))
}

/// Processes that were started for this folder.
pub(crate) fn left(bookvault: &Example) -> Vec<String> {
    let state = std::fs::canonicalize(bookvault.path().join(".freehold")).expect("made");
    let mark = format!("FREEHOLD_UP={}", state.display());
    let entries = std::fs::read_dir("/proc").expect("processes").flatten();
    let marked = entries.filter(|entry| {
        std::fs::read(entry.path().join("environ")).is_ok_and(|all| {
            all.split(|byte| *byte == 0)
                .any(|one| one == mark.as_bytes())
        })
    });
    marked
        .map(|entry| std::fs::read_to_string(entry.path().join("comm")).unwrap_or_default())
        .collect()
}

#[track_caller]
pub(crate) fn nothing_is_left(bookvault: &Example) {
    let begun = Instant::now();
    while !left(bookvault).is_empty() {
        assert!(begun.elapsed() < PATIENCE, "{:?}", left(bookvault));
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn it_comes_up_heals_and_ends_in_order() {
    let bookvault = bookvault();
    let mut up = Up::start(&bookvault);
    let ready = up.ready();
    let orders = of(&ready, "orders")["pid"].as_u64().expect("runs");

    let second = bookvault.run(&["up"]);
    assert_eq!(second.refused(3), ["FH3704"]);

    let killed = Command::new("kill")
        .args(["-KILL", &orders.to_string()])
        .status();
    assert!(killed.is_ok_and(|status| status.success()));
    let healed = |state: &'static str| {
        move |value: &Value| {
            value["program"]["name"] == "orders" && value["program"]["state"] == state
        }
    };
    up.told(healed("ended"));
    let again = up.told(healed("up"));
    assert_eq!(again["program"]["restarts"], 1);

    is_filled(&ready);
    // Who asks a busy machine's services is told of it and not of orders, for a while.
    let begun = Instant::now();
    loop {
        let load = bookvault
            .run(&["load", "--rate", "20", "--seconds", "2", "--json"])
            .done();
        let load: Value = serde_json::from_str(&load).expect("JSON");
        assert_eq!(load["silent"], 0, "{load}");
        let placed = load["placed"].as_u64().unwrap_or(0);
        if placed >= 20 && load["unavailable"] == 0 {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "{load}");
    }

    assert_eq!(up.interrupt(), 0);
    assert_eq!(left(&bookvault), [""; 0]);
    let kept = bookvault.run(&["load", "--seconds", "1"]);
    assert_eq!(kept.refused(3), ["FH3707"]);
}

/// Waits until orders has its copy of what the shop sells: one that begins is filled from today's rows.
pub(crate) fn is_filled(ready: &Value) {
    let orders = of(ready, "orders")["url"].as_str().expect("an address");
    let begun = Instant::now();
    for book in [5, 925] {
        while get(orders, &format!("/known/books/{book}")).0 != "200" {
            assert!(begun.elapsed() < PATIENCE, "no copy of book {book}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Asks the console; the status and what it answers with.
pub(crate) fn get(console: &str, path: &str) -> (String, String) {
    let address = console.strip_prefix("http://").expect("an address");
    let mut stream = TcpStream::connect(address).expect("it listens");
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )
    .expect("asked");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).expect("a status");
    (status.to_owned(), body.to_owned())
}

/// One request to a service; its whole answer.
pub(crate) fn send(method: &str, url: &str, path: &str, body: &Value) -> String {
    let address = url.strip_prefix("http://").expect("an address");
    let mut stream = TcpStream::connect(address).expect("it listens");
    let body = body.to_string();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .expect("asked");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    answer
}

/// Asks for JSON until it is as expected. Who says 503, asks to be asked again.
#[track_caller]
pub(crate) fn shown(console: &str, path: &str, is: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let (status, body) = get(console, path);
        if status == "200" {
            let value = serde_json::from_str(&body).expect("JSON");
            if is(&value) {
                return value;
            }
        } else {
            assert_eq!(status, "503", "{body}");
        }
        assert!(begun.elapsed() < PATIENCE, "{path}: {body}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn the_console_shows_what_runs_and_holds_nothing_up() {
    const SERVICES: [&str; 4] = ["catalog", "customers", "orders", "payment"];
    let bookvault = bookvault();
    let mut up = Up::start(&bookvault);
    let ready = up.ready();
    let console = ready["console"].as_str().expect("an address");

    let (status, map) = get(console, "/");
    assert_eq!(status, "200");
    for service in SERVICES {
        assert!(
            map.contains(&format!("href=\"/services/{service}\"")),
            "{service}"
        );
    }
    let seen = |own: &Value| {
        let stores = own["stores"].as_array().expect("stores");
        own["health"] == "up" && stores.iter().all(|it| it["seen_at"].is_u64())
    };
    let services = shown(console, "/api/v1/services", |all| {
        all.as_array().expect("services").iter().all(seen)
    });
    for (at, service) in SERVICES.into_iter().enumerate() {
        assert_eq!(services[at]["name"], service);
        assert_eq!(
            services[at]["program"]["address"],
            of(&ready, service)["url"]
        );
    }

    let load = bookvault.run(&["load", "--rate", "20", "--seconds", "1"]);
    load.done();
    let sold = |line: &Value| {
        line["from"] == "orders"
            && line["text"]
                .as_str()
                .is_some_and(|it| it.contains("placed"))
    };
    shown(console, "/api/v1/logs", |lines| {
        lines.as_array().expect("lines").iter().any(sold)
    });
    ask(&bookvault, "rest catalog");
    shown(console, "/api/v1/services/catalog", |own| {
        own["health"] != "up"
    });
    let others = shown(console, "/api/v1/services/orders", |_| true);
    assert_eq!(others["health"], "up");

    // A page that stays open, and a request that never ends.
    let address = console.strip_prefix("http://").expect("an address");
    let mut page = TcpStream::connect(address).expect("it listens");
    write!(page, "GET /live?logs=1 HTTP/1.1\r\nHost: {address}\r\n\r\n").expect("asked");
    page.read_exact(&mut [0; 15]).expect("it streams");
    let mut half = TcpStream::connect(address).expect("it listens");
    write!(half, "GET / HTTP/1.1\r\n").expect("begun");
    assert_eq!(up.interrupt(), 0);
    // Its port may be anybody's by now.
    assert_eq!(left(&bookvault), [""; 0]);
}

#[test]
fn nothing_is_left_of_a_killed_one_and_the_next_goes_on() {
    let bookvault = bookvault();
    let mut up = Up::start(&bookvault);
    up.ready();
    assert!(left(&bookvault).len() >= 4);
    up.child.kill().expect("killed");
    up.child.wait().expect("gone");
    nothing_is_left(&bookvault);

    let up = Up::start(&bookvault);
    up.ready();
    let down = bookvault.run(&["down"]).done();
    assert!(down.contains("the system"), "{down}");
    drop(up);
    nothing_is_left(&bookvault);
}

/// What the running system answers over its socket.
pub(crate) fn ask(bookvault: &Example, question: &str) -> Value {
    let socket = bookvault.path().join(".freehold/up.sock");
    let mut stream = UnixStream::connect(socket).expect("it listens");
    writeln!(stream, "{question}").expect("asked");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    serde_json::from_str(&answer).expect("JSON")
}

pub(crate) fn programs_of(bookvault: &Example) -> Vec<Value> {
    let state = ask(bookvault, "state");
    let programs = state["programs"].as_array().expect("programs");
    let services = programs.iter().filter(|seen| seen["name"] != "load");
    services.cloned().collect()
}

#[test]
fn the_demonstration_holds() {
    let bookvault = bookvault();
    let shown = bookvault.run(&["up", "--once"]);
    let said = shown.done();
    held(&said);
    nothing_is_left(&bookvault);
}

/// What is promised is looked at, with what it took.
fn held(said: &str) {
    for line in [
        "copies: orders knows each book as catalog has it\n",
        "copies: orders knows each customer as customers has it\n",
        "freshness: catalog changes a price",
        "freshness: a customer changes name and address",
        "money:",
        "stock:",
        "window   ",
        "Everything held.",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
}

/// The same on PostgreSQL and MariaDB, started for it.
#[test]
fn the_demonstration_holds_on_private_servers() {
    if !crate::servers::installed() {
        return;
    }
    let bookvault = bookvault();
    crate::servers::open_to_all(bookvault.path());
    let _down = crate::servers::Down(&bookvault);
    let shown = bookvault.run(&["up", "--once", "--servers", "local"]);
    held(&shown.done());
    nothing_is_left(&bookvault);
}

#[test]
fn a_shell_on_a_store() {
    let bookvault = bookvault();
    bookvault.run(&["up", "--prepare"]).done();
    if Command::new("sqlite3").arg("--version").output().is_err() {
        eprintln!("SKIPPED: sqlite3 is not installed");
        return;
    }
    let said = bookvault
        .run(&[
            "db",
            "catalog",
            "--servers",
            "embedded",
            "--",
            "SELECT count(*) FROM books",
        ])
        .done();
    assert_eq!(said.trim(), "925");
}
