//! BookVault on SQLite files: what a newcomer meets first.

use crate::binary::Example;

#[test]
fn up_is_idempotent_and_tells_the_state() {
    let bookvault = Example::copy("bookvault");
    let first = bookvault.run(&["up", "--prepare"]).done();
    assert!(
        first.contains("5 of 5 changed") && first.contains("books 925"),
        "{first}"
    );
    let second = bookvault.run(&["up", "--prepare"]).done();
    assert!(
        second.contains("0 of 5 changed, 0 migrations run"),
        "{second}"
    );
    assert!(
        second.contains("0 seeds run") && second.contains("books 925"),
        "{second}"
    );
    let status = bookvault
        .run(&["status", "--servers", "embedded", "--exit-code"])
        .done();
    assert!(
        status.contains("database (advisory)") && status.contains("All as described."),
        "{status}"
    );
}

#[test]
fn the_whole_lifecycle_by_hand() {
    let bookvault = Example::copy("bookvault");
    let run = |arguments: &[&str]| bookvault.run(&[&["--servers", "embedded"], arguments].concat());
    assert_eq!(run(&["plan", "--exit-code"]).code, 1);
    assert!(
        !bookvault.path().join(".freehold").exists(),
        "a plan makes no file"
    );
    run(&["apply"]).done();
    assert!(run(&["apply"]).done().contains("Nothing was sent"));
    let seeded = run(&["seed"]).done();
    assert_eq!(
        run(&["seed"]).done(),
        seeded,
        "seeding twice gives the same rows"
    );
    assert!(run(&["seed", "--undo"]).done().contains("books 0"));
    assert_eq!(
        run(&["rollback"]).refused(2),
        ["FH1310"],
        "without a terminal it asks for --yes"
    );
    run(&["rollback", "--to", "0", "--yes"]).done();
    assert!(run(&["status"]).done().contains("none, 5 pending"));
    run(&["destroy", "--yes"]).done();
    assert!(
        run(&["destroy", "--yes"])
            .done()
            .contains("Nothing of these stores is there")
    );
    let left: Vec<_> = walk(&bookvault.path().join(".freehold"));
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn only_the_services_named() {
    let bookvault = Example::copy("bookvault");
    bookvault
        .run(&["--servers", "embedded", "apply", "orders"])
        .done();
    let status = bookvault
        .run(&["--servers", "embedded", "status", "--json"])
        .done();
    let status: serde_json::Value = serde_json::from_str(&status).expect("JSON");
    let there = |name: &str| {
        let stores = status["stores"].as_array().expect("stores");
        stores
            .iter()
            .find(|store| store["store"] == name)
            .map(|store| store["exists"] == true)
    };
    assert_eq!(
        (there("orders"), there("catalog")),
        (Some(true), Some(false))
    );
    assert_eq!(
        bookvault
            .run(&["--servers", "embedded", "apply", "order"])
            .refused(2),
        ["FH1307"]
    );
}

#[test]
fn a_program_gets_its_database_and_nothing_else() {
    let mut bookvault = Example::copy("bookvault");
    bookvault.set(
        "BOOKVAULT_PG_URL",
        "postgres://admin:geheim@127.0.0.1:1/postgres",
    );
    bookvault.run(&["up", "--prepare"]).done();
    let seen = bookvault
        .run(&[
            "creds",
            "exec",
            "catalog",
            "--servers",
            "embedded",
            "--",
            "env",
        ])
        .done();
    assert!(
        seen.contains("DATABASE_URL=sqlite:") && seen.contains("catalog/store.db"),
        "{seen}"
    );
    assert!(
        !seen.contains("geheim") && !seen.contains("CARGO"),
        "{seen}"
    );
    let status = bookvault.run(&[
        "creds",
        "exec",
        "catalog",
        "--servers",
        "embedded",
        "--",
        "sh",
        "-c",
        "exit 7",
    ]);
    assert_eq!(status.code, 7);
}

#[test]
fn a_protected_environment_is_left_alone() {
    let bookvault = Example::copy("bookvault");
    bookvault.write("environments/safe.yaml", "protect: true\n");
    let run = |arguments: &[&str]| {
        bookvault.run(&[&["--servers", "embedded", "-e", "safe"], arguments].concat())
    };
    run(&["apply"]).done();
    assert_eq!(run(&["destroy", "--yes"]).refused(3), ["FH3403"]);
    assert!(
        run(&["seed", "catalog"])
            .refused(3)
            .iter()
            .all(|code| code == "FH3304")
    );
    let files =
        std::fs::read_dir(bookvault.path().join("services/catalog/seeds/sqlite")).expect("seeds");
    for file in files
        .flatten()
        .filter(|file| file.file_name().to_string_lossy().ends_with(".up.sql"))
    {
        let path = format!(
            "services/catalog/seeds/sqlite/{}",
            file.file_name().to_string_lossy()
        );
        bookvault.edit(&path, |text| {
            format!("-- freehold: environments: safe\n{text}")
        });
    }
    assert!(run(&["seed", "catalog"]).done().contains("books 925"));
}

/// All files below a folder.
pub(crate) fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .flat_map(|entry| {
            if entry.path().is_dir() {
                walk(&entry.path())
            } else {
                vec![entry.path()]
            }
        })
        .collect()
}
