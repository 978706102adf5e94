//! The long proofs of events, in steps. Together they take hours: what was done for this very commit is
//! noted below `target/prove-events` and not done again, and `--step NAME` does one of them anyway.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{Prove, instead_of_mariadb, tests};
use crate::bench_events::Bench;
use crate::check::{stage, test};

/// Its name, and what it does.
type Step = (&'static str, fn(&Path) -> Result<(), String>);

const STEPS: [Step; 8] = [
    ("models", |root| {
        of_events(root, &["shuffle", "models", "lives"], &[])
    }),
    ("deaths", |root| {
        let parts = ["restores", "relay", "crashes", "tombstones", "left_out"];
        of_events(root, &parts, &[])
    }),
    ("faults", faults),
    ("storm-postgres", |root| storm(root, "postgres")),
    ("storm-mariadb", |root| storm(root, "mariadb")),
    ("storm-sqlite", |root| storm(root, "sqlite")),
    ("mysql", on_mysql),
    ("neighbour", neighbour),
];

pub(super) fn events(prove: &Prove, root: &Path) -> Result<(), String> {
    let named = prove.step.as_deref();
    if let Some(step) = named.filter(|step| STEPS.iter().all(|it| it.0 != *step)) {
        let known: Vec<&str> = STEPS.iter().map(|it| it.0).collect();
        return Err(format!(
            "`{step}` is no step of events: {}",
            known.join(", ")
        ));
    }
    let done = root.join("target/prove-events");
    fs::create_dir_all(&done).map_err(|error| format!("{}: {error}", done.display()))?;
    let commit = commit(root);
    let mut failed = Vec::new();
    for (name, run) in STEPS {
        if named.is_some_and(|step| step != name) {
            continue;
        }
        let note = done.join(name);
        let noted = fs::read_to_string(&note).ok();
        if named.is_none() && commit.is_some() && noted == commit {
            stage(name, || {
                println!("done for this commit already: {}", note.display());
                Ok(())
            })?;
            continue;
        }
        // One that fails keeps none of the others from being seen.
        match (stage(name, || run(root)), &commit) {
            (Ok(()), Some(commit)) => {
                fs::write(&note, commit).map_err(|error| format!("{name}: {error}"))?;
            }
            (Ok(()), None) => {}
            (Err(why), _) => failed.push(format!("{name}: {why}")),
        }
    }
    if failed.is_empty() {
        Ok(())
    } else {
        Err(failed.join("\n"))
    }
}

/// `None`: there are changes that no commit has, so nothing can be noted.
fn commit(root: &Path) -> Option<String> {
    let git = |args: &[&str]| {
        let said = Command::new("git").current_dir(root).args(args).output();
        let said = said.ok().filter(|said| said.status.success())?;
        Some(String::from_utf8_lossy(&said.stdout).trim().to_owned())
    };
    let changes = git(&["status", "--porcelain"])?;
    git(&["rev-parse", "HEAD"]).filter(|_| changes.is_empty())
}

fn of_events(root: &Path, parts: &[&str], variables: &[(&str, &str)]) -> Result<(), String> {
    let mut long = tests(root, &["--release", "--package", "freehold-events", "--"]);
    long.args(parts)
        .args(["--nocapture", "--test-threads", "1"])
        .env("FREEHOLD_PROVE", "1")
        .env("FREEHOLD_HISTORIES", "1000000")
        .env("FREEHOLD_EVENTS", "1000000")
        .envs(variables.iter().copied());
    test(long)
}

fn storm(root: &Path, engine: &str) -> Result<(), String> {
    let variables = [("FREEHOLD_STORM", "1000000"), ("FREEHOLD_STORM_ON", engine)];
    of_events(root, &["storm"], &variables)
}

fn faults(root: &Path) -> Result<(), String> {
    let cli = ["--package", "freehold-cli", "--test", "it", "--"];
    let mut faults = tests(root, &cli);
    faults.args(["events_faults", "--nocapture", "--test-threads", "1"]);
    test({
        faults.env("FREEHOLD_PROVE", "1");
        faults
    })
}

/// Relay and applier on MySQL itself; beside it the other engines' halves of the same tests.
pub(super) fn on_mysql(root: &Path) -> Result<(), String> {
    let parts = [
        "relay",
        "peer",
        "restores",
        "operate",
        "tombstones",
        "left_out",
    ];
    let mut long = tests(
        root,
        &["--package", "freehold-events", "--test", "it", "--"],
    );
    long.args(parts)
        .args(["--nocapture", "--test-threads", "1"]);
    instead_of_mariadb(root, &mut long)?;
    test(long)?;
    let mut storm = tests(
        root,
        &["--package", "freehold-events", "--test", "it", "--"],
    );
    storm
        .args(["storm::mariadb", "--nocapture"])
        .env("FREEHOLD_STORM_ON", "mariadb");
    instead_of_mariadb(root, &mut storm)?;
    test(storm)
}

/// Its rows are read: paced alone, and beside a neighbour that idles or writes.
fn neighbour(root: &Path) -> Result<(), String> {
    let asked = ["--events", "200000", "--seconds", "60"];
    let only = ["--only", "postgres-embedded"];
    Bench::parse(&[&asked[..], &only[..]].concat())?.run(root)
}
