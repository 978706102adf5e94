//! The same way as in `events`, with NATS between the services: a private one that `run` starts, and
//! one of others, whose configuration is theirs.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use freehold_private_servers::{has_nats, start_nats};

use crate::events::{Sidecars, freehold, publish, shop, wait_for};

pub(crate) fn is_there() -> bool {
    if !has_nats() {
        assert!(std::env::var_os("CI").is_none(), "NATS is missing in CI");
        eprintln!("SKIPPED: nats-server is not installed");
    }
    has_nats()
}

/// The shop with NATS, applied.
pub(crate) fn shop_on_nats(servers: &[&str]) -> tempfile::TempDir {
    let shop = described_on_nats();
    apply(shop.path(), servers);
    shop
}

pub(crate) fn apply(folder: &Path, servers: &[&str]) {
    let apply = freehold(folder, &[servers, &["apply"]].concat()).output();
    let apply = apply.expect("the binary runs");
    assert!(apply.status.success(), "{apply:?}");
}

/// The shop's description with NATS. The server's user passes through its folder.
pub(crate) fn described_on_nats() -> tempfile::TempDir {
    let shop = shop();
    let path = shop.path().join("freehold.yaml");
    let text = fs::read_to_string(&path).expect("read");
    let broker = "broker: { kind: nats, url: \"env:NATS_URL\" }\n";
    fs::write(path, text + broker).expect("written");
    let passing = fs::Permissions::from_mode(0o711);
    fs::set_permissions(shop.path(), passing).expect("set");
    shop
}

#[test]
fn a_private_nats_carries_events_and_goes_with_the_run() {
    if !is_there() {
        return;
    }
    let servers = ["--servers", "local"];
    let shop = shop_on_nats(&servers);
    let folder = shop.path();
    let run = || {
        Sidecars(
            freehold(folder, &["--servers", "local", "run"])
                .spawn()
                .expect("it starts"),
        )
    };
    let mut killed = run();
    publish(folder, 5, 1);
    wait_for(folder, 5, 1);
    killed.0.kill().expect("killed");
    killed.0.wait().expect("gone");
    publish(folder, 5, 2);
    let mut running = run();
    wait_for(folder, 5, 2);
    let terminate = std::process::Command::new("kill")
        .arg(running.0.id().to_string())
        .status();
    assert!(terminate.expect("kill").success());
    assert!(running.0.wait().expect("it ends").success());
    assert!(
        !folder.join(".freehold/nats/running.json").exists(),
        "the server went with it"
    );
}

#[test]
fn a_nats_of_others_is_told_its_users() {
    if !is_there() {
        return;
    }
    let shop = shop_on_nats(&[]);
    let folder = shop.path();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let theirs = folder.join("theirs");
    let server = runtime.block_on(start_nats(&theirs)).expect("it starts");
    let (name, password) = server.admin();
    let url = server
        .address()
        .replace("://", &format!("://{name}:{password}@"));
    let run = |url: &str| {
        let mut command = freehold(folder, &["run"]);
        command.env("NATS_URL", url);
        command
    };
    let refused = |url: &str| {
        let said = run(url).output().expect("the binary runs");
        assert!(!said.status.success());
        let said = String::from_utf8_lossy(&said.stderr).into_owned();
        assert!(!said.contains(password), "{said}");
        said
    };
    assert!(refused(&server.address()).contains("FH3923"));
    assert!(refused(&url).contains("FH3922"));
    let users = fs::read_to_string(folder.join(".freehold/nats/users.conf")).expect("users");
    assert_eq!(mode(&folder.join(".freehold/nats/catalog.seed")), 0o600);
    runtime
        .block_on(server.set_users(std::slice::from_ref(&users)))
        .expect("they are taken");
    let running = Sidecars(run(&url).spawn().expect("it starts"));
    publish(folder, 5, 1);
    wait_for(folder, 5, 1);
    drop(running);
    let again = fs::read_to_string(folder.join(".freehold/nats/users.conf")).expect("users");
    assert_eq!(users, again, "the keys stay the same");
    runtime.block_on(server.stop()).expect("it stops");
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("there").permissions().mode() & 0o777
}
