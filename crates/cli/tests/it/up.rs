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

const PATIENCE: Duration = Duration::from_mins(1);
/// How long processes are killed at random.
const KILLING: Duration = Duration::from_secs(12);

/// The folder of BookVault's binary, built if it is not.
fn programs() -> PathBuf {
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

fn bookvault() -> Example {
    let mut bookvault = Example::copy("bookvault");
    let path = std::env::var("PATH").unwrap_or_default();
    bookvault.set("PATH", &format!("{}:{path}", programs().display()));
    bookvault
}

/// Killed when the test fails; then its guard cleans up.
struct Up {
    child: Child,
    lines: std::sync::mpsc::Receiver<Value>,
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Up {
    fn start(bookvault: &Example) -> Self {
        Self::begin(bookvault, &["up", "--json"])
    }

    fn begin(bookvault: &Example, arguments: &[&str]) -> Self {
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
    fn told(&self, is: impl Fn(&Value) -> bool) -> Value {
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

    fn ready(&self) -> Value {
        self.told(|value| value["event"] == "ready")
    }

    fn interrupt(&mut self) -> i32 {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-INT", &pid]).status();
        assert!(sent.is_ok_and(|status| status.success()));
        let status = self.child.wait().expect("it ends");
        status.code().expect("by itself")
    }
}

fn of<'a>(ready: &'a Value, name: &str) -> &'a Value {
    let programs = ready["programs"].as_array().expect("programs");
    let found = programs.iter().find(|seen| seen["name"] == name);
    found.unwrap_or_else(|| panic!("{name} is not among {programs:?}"))
}

/// Processes that were started for this folder.
fn left(bookvault: &Example) -> Vec<String> {
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
fn nothing_is_left(bookvault: &Example) {
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

    let load = bookvault
        .run(&["load", "--rate", "20", "--seconds", "2", "--json"])
        .done();
    let load: Value = serde_json::from_str(&load).expect("JSON");
    assert!(
        load["placed"].as_u64().is_some_and(|placed| placed >= 20),
        "{load}"
    );
    assert_eq!(
        (&load["unavailable"], &load["silent"]),
        (&0.into(), &0.into()),
        "{load}"
    );

    assert_eq!(up.interrupt(), 0);
    assert_eq!(left(&bookvault), [""; 0]);
    let kept = bookvault.run(&["load", "--seconds", "1"]);
    assert_eq!(kept.refused(3), ["FH3707"]);
}

/// Asks the console; the status and what it answers with.
fn get(console: &str, path: &str) -> (String, String) {
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

/// Asks for JSON until it is as expected.
#[track_caller]
fn shown(console: &str, path: &str, is: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let (status, body) = get(console, path);
        assert_eq!(status, "200", "{body}");
        let value = serde_json::from_str(&body).expect("JSON");
        if is(&value) {
            return value;
        }
        assert!(begun.elapsed() < PATIENCE, "{path}: {value}");
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
    assert_eq!(left(&bookvault), [""; 0]);
    assert!(TcpStream::connect(address).is_err());
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
fn ask(bookvault: &Example, question: &str) -> Value {
    let socket = bookvault.path().join(".freehold/up.sock");
    let mut stream = UnixStream::connect(socket).expect("it listens");
    writeln!(stream, "{question}").expect("asked");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    serde_json::from_str(&answer).expect("JSON")
}

fn programs_of(bookvault: &Example) -> Vec<Value> {
    let state = ask(bookvault, "state");
    let programs = state["programs"].as_array().expect("programs");
    let services = programs.iter().filter(|seen| seen["name"] != "load");
    services.cloned().collect()
}

/// Money and stock are conserved while services and sidecars are killed under load.
#[test]
fn killed_at_random_under_load_everything_holds() {
    let bookvault = bookvault();
    let mut up = Up::begin(&bookvault, &["up", "--json", "--load", "20"]);
    up.ready();
    let begun = Instant::now();
    let mut random = u64::from(std::process::id());
    let mut killed = 0;
    while begun.elapsed() < KILLING {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        std::thread::sleep(Duration::from_millis(300 + (random >> 33) % 700));
        let programs = programs_of(&bookvault);
        let alive: Vec<_> = programs
            .iter()
            .filter_map(|it| it["pid"].as_u64())
            .collect();
        let Some(pid) = alive.get(usize::try_from(random >> 40).unwrap_or(0) % alive.len().max(1))
        else {
            continue;
        };
        // It may have ended by itself in between.
        let sent = Command::new("kill")
            .args(["-KILL", &pid.to_string()])
            .status();
        killed += u32::from(sent.is_ok_and(|status| status.success()));
    }
    assert!(killed > 5, "{killed}");
    ask(&bookvault, "rest load");
    let healing = Instant::now();
    while programs_of(&bookvault)
        .iter()
        .any(|seen| seen["state"] != "up")
    {
        assert!(
            healing.elapsed() < PATIENCE,
            "{:?}",
            programs_of(&bookvault)
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    let addresses = programs_of(&bookvault).into_iter().filter_map(|seen| {
        let name = seen["name"].as_str()?.to_uppercase();
        Some((format!("{name}_URL"), seen["url"].as_str()?.to_owned()))
    });
    let shown = Command::new(programs().join("bookvault"))
        .arg("demonstration")
        .envs(addresses)
        .env(
            "FREEHOLD_UP_SOCKET",
            bookvault.path().join(".freehold/up.sock"),
        )
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&shown.stdout);
    assert!(shown.status.success(), "after {killed} kills: {said}");
    assert_eq!(up.interrupt(), 0);
    assert_eq!(left(&bookvault), [""; 0]);
}

#[test]
fn the_demonstration_holds() {
    let bookvault = bookvault();
    let shown = bookvault.run(&["up", "--once"]);
    let said = shown.done();
    assert!(said.contains("Everything held."), "{said}");
    nothing_is_left(&bookvault);
}

#[test]
fn a_program_that_is_missing_or_ends_at_once() {
    for (command, says) in [
        ("[no-such-program]", "cannot be started"),
        (
            "[sh, \"-c\", \"echo wrong settings; exit 4\"]",
            "wrong settings",
        ),
    ] {
        let bookvault = bookvault();
        bookvault.edit("services/orders/service.yaml", |text| {
            text.replace("[bookvault, orders]", command)
        });
        let said = bookvault.run(&["up"]);
        assert_eq!(said.refused(3), ["FH3706"]);
        assert!(said.err.contains(says), "{}", said.err);
        nothing_is_left(&bookvault);
    }
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
