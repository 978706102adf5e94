//! Money and stock are conserved, and copies are their sources, while any process of a running system is
//! killed under load: services, sidecars with the broker, database servers, and `up` itself.
//!
//! Half a minute on SQLite and less on servers in every run; `cargo xtask prove up` takes minutes.

use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::binary::Example;
use crate::servers;
use crate::up::{
    PATIENCE, Up, ask, bookvault, left, nothing_is_left, programs, programs_of, send, shown,
};

/// How long, where nobody asks for more.
const EMBEDDED: Duration = Duration::from_secs(30);
const LOCAL: Duration = Duration::from_secs(15);

fn killing(usual: Duration) -> Duration {
    let minutes = std::env::var("FREEHOLD_PROVE_MINUTES").ok();
    let minutes = minutes.and_then(|own| own.parse().ok());
    minutes.map_or(usual, Duration::from_mins)
}

#[test]
fn on_sqlite() {
    let bookvault = bookvault();
    storm(&bookvault, "embedded", killing(EMBEDDED));
}

#[test]
fn on_private_servers() {
    if !servers::installed() {
        return;
    }
    let bookvault = bookvault();
    servers::open_to_all(bookvault.path());
    let _down = servers::Down(&bookvault);
    storm(&bookvault, "local", killing(LOCAL));
}

/// A random number that is the same for nobody.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(self.0 >> 33).unwrap_or(0) % bound.max(1)
    }
}

fn storm(bookvault: &Example, servers: &str, time: Duration) {
    let seed = u64::from(std::process::id());
    eprintln!("seed {seed}, {} s on {servers}", time.as_secs());
    let mut random = Random(seed);
    let start = || {
        let up = Up::begin(
            bookvault,
            &["up", "--json", "--load", "20", "--servers", servers],
        );
        up.ready();
        up
    };
    let mut up = start();
    let begun = Instant::now();
    let mut killed = std::collections::BTreeMap::<String, u32>::new();
    while begun.elapsed() < time {
        std::thread::sleep(Duration::from_millis(300 + random.below(700) as u64));
        let mut alive: Vec<(String, u32)> = programs_of(bookvault)
            .iter()
            .filter_map(|it| Some((it["name"].as_str()?.to_owned(), pid(&it["pid"])?)))
            .collect();
        alive.extend(private_servers(bookvault.path()));
        // Seldom, since a start takes its time.
        let all = alive.len() + usize::from(random.below(4) == 0);
        let chosen = random.below(all);
        let (name, pid) = alive
            .get(chosen)
            .cloned()
            .unwrap_or(("up".to_owned(), up.child.id()));
        // It may have ended by itself in between.
        if kill(pid) {
            *killed.entry(name.clone()).or_default() += 1;
        }
        if name == "up" {
            let _ = up.child.wait();
            // The guard ends what is left; a start that comes at once waits for it, or does it itself.
            up = start();
        }
    }
    eprintln!("killed: {killed:?}");
    assert!(killed.values().sum::<u32>() > 5, "{killed:?}");
    ask(bookvault, "rest load");
    heals(bookvault);
    flows(bookvault);
    let addresses = programs_of(bookvault).into_iter().filter_map(|seen| {
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
    assert!(shown.status.success(), "after {killed:?}: {said}");
    assert_eq!(up.interrupt(), 0);
    assert_eq!(left(bookvault), [""; 0]);
    nothing_is_left(bookvault);
}

/// Until every program answers: one that was killed a moment ago still counts as up.
fn heals(bookvault: &Example) {
    let healing = Instant::now();
    let answers = |url: &str| {
        let address = url.strip_prefix("http://");
        address.is_none_or(|own| TcpStream::connect(own).is_ok())
    };
    let well = |seen: &serde_json::Value| {
        seen["state"] == "up" && seen["url"].as_str().is_none_or(answers)
    };
    while !programs_of(bookvault).iter().all(well) {
        assert!(healing.elapsed() < PATIENCE, "{:?}", programs_of(bookvault));
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Until what each source says is heard again: who took over from a killed leader waits for its term to
/// end. What the demonstration measures then is a system that has healed.
fn flows(bookvault: &Example) {
    let healing = Instant::now();
    let programs = programs_of(bookvault);
    let url = |name: &str| {
        let found = programs.iter().find(|own| own["name"] == name);
        found
            .and_then(|own| own["url"].as_str())
            .expect("an address")
    };
    let name = format!("A. Survivor {}", std::process::id());
    let changes = [
        (
            "catalog",
            "/books/5/price",
            "/known/books/5",
            "priceCents",
            json!(777),
        ),
        (
            "customers",
            "/customers/3",
            "/known/customers/3",
            "name",
            json!(name),
        ),
    ];
    for (service, path, known, field, new) in changes {
        let put = || send("PUT", url(service), path, &json!({ field: new }));
        let mut said = put();
        // A store that was killed is away until it has read its log.
        while said.starts_with("HTTP/1.1 503") && healing.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(100));
            said = put();
        }
        assert!(said.starts_with("HTTP/1.1 2"), "{said}");
        shown(url("orders"), known, |own| own[field] == new);
        eprintln!(
            "{service} is heard after {:.1} s",
            healing.elapsed().as_secs_f64()
        );
    }
}

fn pid(value: &serde_json::Value) -> Option<u32> {
    u32::try_from(value.as_u64()?).ok()
}

fn kill(pid: u32) -> bool {
    let sent = Command::new("kill")
        .args(["-KILL", &pid.to_string()])
        .status();
    sent.is_ok_and(|status| status.success())
}

/// The main processes of this folder's database servers: their folder is on their command line, and
/// what they start is a child of theirs.
fn private_servers(folder: &Path) -> Vec<(String, u32)> {
    let folder = std::fs::canonicalize(folder.join(".freehold")).expect("made");
    let folder = folder.join("servers").display().to_string();
    let entries = std::fs::read_dir("/proc").expect("processes").flatten();
    let found = entries.filter_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let line = std::fs::read(entry.path().join("cmdline")).ok()?;
        let line = String::from_utf8_lossy(&line).into_owned();
        let program = line.split('\0').next()?.rsplit('/').next()?.to_owned();
        let is_server = ["postgres", "mariadbd", "mysqld"].contains(&program.as_str());
        (is_server && line.contains(&folder)).then_some((program, pid))
    });
    found.collect()
}
