//! `freehold up` where something is not as it should be: it says what, starts nothing or keeps what
//! runs, and leaves nothing behind.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use crate::up::{Up, bookvault, nothing_is_left};

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

/// The console takes another port than its own; a console that was given one does not.
#[test]
fn a_port_that_is_taken() {
    let own = std::net::TcpListener::bind("127.0.0.1:4100");
    let bookvault = bookvault();
    let mut up = Up::start(&bookvault);
    let ready = up.ready();
    let console = ready["console"].as_str().expect("an address");
    assert_ne!(console, "http://127.0.0.1:4100");
    let port = console.rsplit_once(':').expect("a port").1.to_owned();
    let said = bookvault.run(&["console", "--servers", "embedded", "--port", &port]);
    assert_eq!(said.refused(3), ["FH4006"]);
    assert!(said.err.contains("--port"), "{}", said.err);
    assert_eq!(up.interrupt(), 0);
    drop(own);
}

/// It names the package.
#[test]
fn a_server_that_is_not_installed() {
    if !Path::new("/usr/bin/unshare").exists() {
        eprintln!("SKIPPED: unshare is not installed");
        return;
    }
    // In a namespace where nothing is installed: an empty folder lies over those of the servers.
    let bookvault = bookvault();
    let empty = tempfile::tempdir().expect("a folder");
    let script = format!(
        "for place in /usr/lib/postgresql /usr/local/pgsql /usr/sbin /usr/local/bin; do [ -d $place ] && mount --bind '{0}' $place; done; PATH=/bin exec '{1}' up --servers local",
        empty.path().display(),
        env!("CARGO_BIN_EXE_freehold")
    );
    let said = Command::new("unshare")
        .args(["--mount", "--map-root-user", "sh", "-c", &script])
        .current_dir(bookvault.path())
        .env("NO_COLOR", "1")
        .output()
        .expect("it runs");
    let told = String::from_utf8_lossy(&said.stderr);
    if told.contains("unshare: ") {
        eprintln!("SKIPPED: {told}");
        return;
    }
    assert_eq!(said.status.code(), Some(3), "{told}");
    assert!(
        told.contains("FH3601") && told.contains("apt-get install"),
        "{told}"
    );
}

/// Where this user may not write nothing is begun.
#[test]
fn a_folder_that_is_read_only() {
    let bookvault = bookvault();
    let program = env!("CARGO_BIN_EXE_freehold");
    std::fs::set_permissions(bookvault.path(), std::fs::Permissions::from_mode(0o555))
        .expect("closed");
    let mut command = if rustix::process::geteuid().is_root() {
        // Root may write everywhere.
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", program]);
        command
    } else {
        Command::new(program)
    };
    let said = command
        .arg("up")
        .current_dir(bookvault.path())
        .env("NO_COLOR", "1")
        .env("HOME", "/nonexistent")
        .output();
    std::fs::set_permissions(bookvault.path(), std::fs::Permissions::from_mode(0o755))
        .expect("opened");
    let said = said.expect("it runs");
    let told = String::from_utf8_lossy(&said.stderr);
    if told.contains("setpriv: ") {
        eprintln!("SKIPPED: {told}");
        return;
    }
    assert_eq!(said.status.code(), Some(3), "{told}");
    assert!(told.contains("FH3703"), "{told}");
    assert!(!bookvault.path().join(".freehold").exists());
}

/// What freehold itself says while it runs.
fn says(up: &Up, part: &str) -> String {
    let line = up.told(|value| {
        value["line"]["program"] == "freehold"
            && value["line"]["text"]
                .as_str()
                .is_some_and(|text| text.contains(part))
    });
    line["line"]["text"].as_str().expect("a text").to_owned()
}

/// A change is applied and told; a description that is broken changes nothing, and what ran goes on.
#[test]
fn a_description_that_changes_and_breaks_while_it_runs() {
    let bookvault = bookvault();
    let mut up = Up::begin(&bookvault, &["up", "--json", "--watch"]);
    let ready = up.ready();
    let folder = "services/orders/migrations/sqlite";
    bookvault.write(
        &format!("{folder}/0090_note.up.sql"),
        "ALTER TABLE orders ADD COLUMN note TEXT;",
    );
    bookvault.write(
        &format!("{folder}/0090_note.down.sql"),
        "ALTER TABLE orders DROP COLUMN note;",
    );
    let told = says(&up, "applied:");
    assert!(told.contains("1 store changed, 1 migration"), "{told}");

    let service = "services/orders/service.yaml";
    bookvault.edit(service, |text| text + "isolaton: schema\n");
    let told = says(&up, "FH1103: ");
    assert!(told.contains("isolaton"), "{told}");
    says(&up, "what ran before goes on");
    let orders = crate::up::of(&ready, "orders")["url"]
        .as_str()
        .expect("an address");
    assert_eq!(crate::up::get(orders, "/healthz").0, "200");

    bookvault.edit(service, |text| text.replace("isolaton: schema\n", ""));
    let told = says(&up, "applied:");
    assert!(told.contains("0 stores changed, 0 migrations"), "{told}");
    let console = ready["console"].as_str().expect("an address");
    assert_eq!(crate::up::get(console, "/").0, "200", "at the same address");
    assert_eq!(up.interrupt(), 0);
    nothing_is_left(&bookvault);
}
