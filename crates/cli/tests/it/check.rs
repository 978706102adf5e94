//! `freehold check`: its forms, its exit codes, what it remembers.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::binary::{Example, Said};

/// How many crossings the shop's own list names.
fn listed(shop: &Example) -> usize {
    let list = fs::read_to_string(shop.path().join("crossings.tsv")).expect("the list");
    list.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .count()
}

fn monolith() -> Example {
    Example::copy("bookvault-monolith")
}

fn parsed(said: &Said) -> Value {
    serde_json::from_str(&said.out).expect("JSON")
}

fn day_before_all(file: &str) -> String {
    file.replacen(
        "\"history\": [",
        "\"history\": [ { \"day\": \"2026-01-02\", \"findings\": 90 },",
        1,
    )
}

#[test]
fn every_form_tells_of_the_same_crossings() {
    let shop = monolith();
    let count = listed(&shop);
    let text = shop.run(&["check"]);
    assert_eq!(text.code, 1, "{}", text.err);
    assert_eq!(text.out.matches("error[FH21").count(), count);
    assert!(text.out.contains(&format!("{count} findings")));
    assert!(
        !text.out.contains('\u{1b}'),
        "colours where nobody sees them"
    );
    for arguments in [&["check", "--format", "json"][..], &["check", "--json"]] {
        let said = shop.run(arguments);
        assert_eq!(said.code, 1);
        assert_eq!(
            parsed(&said)["findings"].as_array().map(Vec::len),
            Some(count)
        );
    }
    let sarif = parsed(&shop.run(&["check", "--format", "sarif"]));
    assert_eq!(
        sarif["runs"][0]["results"].as_array().map(Vec::len),
        Some(count)
    );
    let gitlab = parsed(&shop.run(&["check", "--format", "gitlab"]));
    assert_eq!(gitlab.as_array().map(Vec::len), Some(count));
    let github = shop.run(&["check", "--format", "github"]).out;
    assert_eq!(github.lines().count(), count);
    assert!(github.lines().all(|line| line.starts_with("::error file=")));
}

#[test]
fn a_part_of_the_tree_is_checked_against_the_whole_ownership() {
    let shop = monolith();
    let said = parsed(&shop.run(&["check", "web/src/payment", "--json"]));
    let findings = said["findings"].as_array().expect("findings");
    assert!(!findings.is_empty() && findings.len() < listed(&shop));
    for finding in findings {
        let file = finding["file"].as_str().expect("a file");
        assert!(file.starts_with("web/src/payment/"), "{file}");
    }
    // From a folder below, the description above is found.
    let mut below = shop.command(&["check", "--json"]);
    let output = below
        .current_dir(shop.path().join("web"))
        .output()
        .expect("the binary runs");
    let whole: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(
        whole["findings"].as_array().map(Vec::len),
        Some(listed(&shop))
    );
}

#[test]
fn the_baseline_knows_what_was_there_and_nothing_new() {
    let shop = monolith();
    let count = listed(&shop);
    shop.run(&["check", "--write-baseline"]).done();
    let said = shop.run(&["check"]).done();
    assert!(
        said.contains(&format!(
            "{count} findings (0 new, {count} in the baseline)"
        )),
        "{said}"
    );
    assert!(!said.contains("error["), "known findings are not shown");
    assert_eq!(
        shop.run(&["check", "--known"])
            .done()
            .matches("known[FH21")
            .count(),
        count
    );
    // Marked, not left out, for machines.
    let sarif = parsed(&shop.run(&["check", "--format", "sarif"]));
    let results = sarif["runs"][0]["results"].as_array().expect("results");
    assert!(
        results
            .iter()
            .all(|own| own["baselineState"] == "unchanged")
    );

    // One more in a file that is in the list already.
    shop.edit("web/src/orders/report.ts", |text| {
        text + "\nexport async function late(db) {\n  return db.query('select * from payments');\n}\n"
    });
    let said = shop.run(&["check"]);
    assert_eq!(said.code, 1);
    assert_eq!(said.out.matches("error[").count(), 1, "{}", said.out);
    // It does not become known by writing the baseline again.
    assert_eq!(shop.run(&["check", "--write-baseline"]).code, 1);
    assert_eq!(shop.run(&["check"]).code, 1);
}

#[test]
fn what_is_gone_is_pruned_and_the_curve_remembers() {
    let shop = monolith();
    let count = listed(&shop);
    shop.run(&["check", "--write-baseline"]).done();
    shop.edit("boundary-baseline.json", |file| day_before_all(&file));
    fs::remove_file(shop.path().join("web/src/payment/fraud.ts")).expect("removed");
    let left = shop.run(&["check"]).done();
    assert!(left.contains("gone: take"), "{left}");
    assert_eq!(shop.run(&["check", "--prune"]).code, 1);
    shop.run(&["check", "--prune", "--write-baseline"]).done();
    shop.run(&["check", "--prune"]).done();
    let file = fs::read_to_string(shop.path().join("boundary-baseline.json")).expect("the file");
    let file: Value = serde_json::from_str(&file).expect("JSON");
    let days = file["history"].as_array().expect("a history");
    assert_eq!(days[0]["findings"], 90);
    let last = days.last().expect("a day")["findings"]
        .as_u64()
        .expect("a number");
    assert!(usize::try_from(last).expect("small") < count);
    assert_eq!(days.len(), 2, "a day has one number: {days:?}");
}

#[test]
fn a_context_can_be_demanded_empty() {
    let shop = monolith();
    shop.run(&["check", "--write-baseline"]).done();
    // Known or not: it is not empty.
    assert_eq!(shop.run(&["check", "--must-be-empty", "catalog"]).code, 1);
    assert_eq!(
        shop.run(&["check", "--must-be-empty", "katalog"])
            .refused(2),
        ["FH2206"]
    );
    shop.edit("boundaries.yaml", |text| {
        text + "  - { from: \"*\", to: catalog, reason: \"for this test\" }\n  - { from: catalog, reason: \"for this test\" }\n"
    });
    shop.run(&["check", "--must-be-empty", "catalog"]).done();
}

#[test]
fn an_allowed_crossing_has_a_reason_and_an_end() {
    let shop = monolith();
    let count = listed(&shop);
    let policy = |line: &str| {
        let shop = monolith();
        shop.edit("boundaries.yaml", |text| text + line);
        shop.run(&["check", "--json"])
    };
    let open = parsed(&policy(
        "  - { from: orders, to: customers, kinds: [join], reason: \"until the copy is there\", until: 2999-01-31 }\n",
    ));
    let joins = open["allowed"].as_array().map_or(0, Vec::len) - 1;
    assert!(joins > 0);
    assert_eq!(
        open["findings"].as_array().map(Vec::len),
        Some(count - joins)
    );
    let ended = policy(
        "  - { from: orders, to: customers, kinds: [join], reason: \"until the copy is there\", until: 2020-01-31 }\n",
    );
    assert_eq!(
        parsed(&ended)["findings"].as_array().map(Vec::len),
        Some(count)
    );
    for bad in [
        "  - { from: orders, to: customers }\n",
        "  - { from: orders, reason: x, until: soon }\n",
        "  - { from: orders, reason: x, kinds: [peek] }\n",
    ] {
        assert_eq!(policy(bad).refused(2), ["FH2201"], "{bad}");
    }
}

#[test]
fn a_proposal_is_written_once() {
    let shop = monolith();
    fs::remove_file(shop.path().join("boundaries.yaml")).expect("removed");
    let said = shop.run(&["check", "--write-boundaries"]);
    assert_eq!(said.code, 1);
    assert!(said.out.starts_with("proposal:"), "{}", said.out);
    let written = fs::read_to_string(shop.path().join("boundaries.yaml")).expect("the file");
    assert!(written.contains("order_items"));
    let again = shop.run(&["check"]);
    assert_eq!(again.code, 1);
    assert!(!again.out.contains("proposal:"));
    assert_eq!(
        shop.run(&["check", "--write-boundaries"]).refused(2),
        ["FH2207"]
    );
}

#[test]
fn what_cannot_be_checked_is_refused() {
    let shop = monolith();
    assert_eq!(shop.run(&["check", "nowhere"]).refused(2), ["FH2205"]);
    assert_eq!(shop.run(&["check", "--format", "pdf"]).code, 2);
    shop.write("boundary-baseline.json", "{ \"version\": 7 }");
    assert_eq!(shop.run(&["check"]).refused(2), ["FH2204"]);
    shop.write("boundary-baseline.json", "not JSON");
    assert_eq!(shop.run(&["check"]).refused(2), ["FH2204"]);
    shop.write("boundaries.yaml", "contexts: [");
    assert_eq!(shop.run(&["check"]).refused(2), ["FH2201"]);
}

/// The stage of CI that keeps our own examples clean.
#[test]
fn described_systems_stay_clean() {
    for name in ["bookvault", "shopease"] {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../examples")
            .join(name);
        let output = Command::new(env!("CARGO_BIN_EXE_freehold"))
            .current_dir(root)
            .args(["check", "--prune"])
            .output()
            .expect("the binary runs");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{name}: {said}");
        assert!(said.contains("0 findings"), "{name}: {said}");
    }
}

/// An empty folder: nothing to find is no error.
#[test]
fn an_empty_folder_is_clean() {
    let folder = TempDir::new().expect("a folder");
    let output = Command::new(env!("CARGO_BIN_EXE_freehold"))
        .current_dir(folder.path())
        .arg("check")
        .output()
        .expect("the binary runs");
    assert!(output.status.success());
}
