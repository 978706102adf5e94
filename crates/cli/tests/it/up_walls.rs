//! What a service's program may touch under `up`: its own folder and store, where the kernel has Landlock.

use crate::up::{Up, bookvault};

/// search's program, after it has tried what it should not.
const TRIES: &str = r#"run: { command: [sh, -c, "cat ../../.freehold/stores/main/orders/store.db >/dev/null && echo READ-A-STORE; cat ../orders/service.yaml >/dev/null && echo READ-A-FOLDER; echo x > ../../outside && echo WROTE-OUTSIDE; echo x > inside && echo wrote inside; echo x > $TMPDIR/x && echo wrote scratch; echo x > ../../shared/x && echo wrote shared; echo tried all; exec bookvault search"], health: /healthz, writes: [../../shared] }"#;

/// What it said of its trying.
fn tried(arguments: &[&str]) -> Vec<String> {
    let bookvault = bookvault();
    bookvault.edit("services/search/service.yaml", |text| {
        let lines = text.lines().map(|line| {
            if line.starts_with("run:") {
                TRIES
            } else {
                line
            }
        });
        lines.collect::<Vec<_>>().join("\n")
    });
    std::fs::create_dir(bookvault.path().join("shared")).expect("a folder");
    let mut up = Up::begin(&bookvault, arguments);
    // That it is ready says that it works within its walls.
    let ready = up.ready();
    let console = ready["console"].as_str().expect("an address");
    let lines = crate::up::shown(console, "/api/v1/logs?from=search", |all| {
        all.to_string().contains("tried all")
    });
    assert_eq!(up.interrupt(), 0);
    let lines = lines.as_array().expect("lines").iter();
    lines
        .map(|own| own["text"].as_str().unwrap_or_default().to_owned())
        .collect()
}

const FORBIDDEN: [&str; 3] = ["READ-A-STORE", "READ-A-FOLDER", "WROTE-OUTSIDE"];
const ALLOWED: [&str; 3] = ["wrote inside", "wrote scratch", "wrote shared"];

fn said(lines: &[String], what: &[&str]) -> usize {
    what.iter()
        .filter(|own| lines.iter().any(|line| line == *own))
        .count()
}

#[test]
fn a_program_is_kept_to_its_own_folder_and_store() {
    let lines = tried(&["up", "--json"]);
    assert_eq!(said(&lines, &ALLOWED), ALLOWED.len(), "{lines:?}");
    if lines
        .iter()
        .any(|line| line.contains("not confined: this kernel"))
    {
        eprintln!("SKIPPED: this kernel has no Landlock");
        return;
    }
    assert_eq!(said(&lines, &FORBIDDEN), 0, "{lines:?}");
    // And nothing but the walls keeps it.
    let lines = tried(&["up", "--json", "--unconfined"]);
    assert_eq!(said(&lines, &FORBIDDEN), FORBIDDEN.len(), "{lines:?}");
}
