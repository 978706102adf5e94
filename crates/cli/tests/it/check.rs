//! `freehold check`: its forms, its exit codes, what it remembers.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

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

/// The shop, with a cache of its own.
fn monolith() -> Example {
    let mut shop = Example::copy("bookvault-monolith");
    let cache = shop.path().join(".cache");
    shop.set("FREEHOLD_CACHE_DIR", &cache.to_string_lossy());
    shop
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
    let schema = shop.path().join("late.sql");
    fs::write(schema, "CREATE TABLE late_prices (price float);\n").expect("written");
    let whole = parsed(&shop.run(&["check", "--json"]));
    let lints = whole["lints"].as_array().map_or(0, Vec::len);
    assert!(lints > 0, "{whole}");
    let level = |said: &Value, key: &str, name: &str| {
        said.as_array()
            .into_iter()
            .flatten()
            .filter(|own| own[key] == name)
            .count()
    };
    let sarif = parsed(&shop.run(&["check", "--format", "sarif"]));
    let results = &sarif["runs"][0]["results"];
    assert_eq!(level(results, "level", "error"), count);
    assert_eq!(level(results, "level", "warning"), lints);
    let gitlab = parsed(&shop.run(&["check", "--format", "gitlab"]));
    assert_eq!(level(&gitlab, "severity", "major"), count);
    assert_eq!(level(&gitlab, "severity", "minor"), lints);
    let github = shop.run(&["check", "--format", "github"]).out;
    let begin = |with: &str| github.lines().filter(|line| line.starts_with(with)).count();
    assert_eq!(begin("::error file="), count);
    assert_eq!(begin("::warning file="), lints);
    assert_eq!(github.lines().count(), count + lints);
    // A transaction is told with its statements wherever it is told.
    let two = "writes in one transaction";
    let statements = |text: &str| text.contains("(customers), line ");
    let told = |all: &Value, text: &dyn Fn(&Value) -> String| {
        let mut all = all.as_array().into_iter().flatten().map(text);
        all.find(|own| own.contains(two)).expect("a transaction")
    };
    assert!(statements(
        &told(results, &|own| own["message"]["text"].to_string())
    ));
    assert!(statements(
        &told(&gitlab, &|own| own["description"].to_string())
    ));
    let line = github.lines().find(|line| line.contains(two)).expect("one");
    assert!(statements(line), "{line}");
}

/// A check that goes on: a crossing that is written is told, and one that goes is told no more.
#[test]
fn a_watch_tells_of_each_change() {
    let shop = Example::copy("bookvault-monolith");
    let mut watch = shop
        .command(&["check", "--watch"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary runs");
    let (send, sums) = channel();
    let output = BufReader::new(watch.stdout.take().expect("its output"));
    std::thread::spawn(move || {
        for line in output.lines().map_while(Result::ok) {
            let sum = line
                .split_once(" findings, ")
                .or(line.split_once(" findings. "));
            if let Some((count, _)) = sum
                && send
                    .send(count.parse::<usize>().expect("a number"))
                    .is_err()
            {
                return;
            }
        }
    });
    let next = || sums.recv_timeout(Duration::from_mins(1)).expect("a check");
    let until = |wanted: usize| while next() != wanted {};
    let count = listed(&shop);
    until(count);
    let file = shop.path().join("web/src/orders/late.ts");
    fs::write(
        &file,
        "export const f = (db) => db.query('select * from books b');\n",
    )
    .expect("written");
    until(count + 1);
    fs::remove_file(&file).expect("gone");
    until(count);
    watch.kill().expect("ended");
    watch.wait().expect("ended");
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

#[test]
fn lines_fit_the_terminal() {
    let mut shop = monolith();
    for (columns, width) in [("80", 80), ("60", 60)] {
        shop.set("COLUMNS", columns);
        let said = shop.run(&["check"]).out;
        let long: Vec<&str> = said
            .lines()
            // A place and what owns it are never cut.
            .filter(|line| !line.contains("┌─") && !line.contains('^'))
            .filter(|line| line.chars().count() > width && !line.starts_with("error["))
            .collect();
        assert!(long.is_empty(), "{long:#?}");
    }
}

#[test]
fn pictures_and_the_past_are_drawn() {
    let shop = monolith();
    let svg = shop.run(&["check", "--graph", "svg"]).out;
    assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"));
    for (open, close) in [
        ("<g>", "</g>"),
        ("<text", "</text>"),
        ("<title>", "</title>"),
    ] {
        assert_eq!(svg.matches(open).count(), svg.matches(close).count());
    }
    assert!(svg.contains("orders → customers"), "{svg}");
    let mermaid = shop.run(&["check", "--graph", "mermaid"]).out;
    assert!(mermaid.starts_with("flowchart LR\n"), "{mermaid}");
    assert!(mermaid.contains("c2[\"orders\"]") && mermaid.contains("c2 -->|"));

    assert_eq!(shop.run(&["check", "--history"]).refused(2), ["FH2205"]);
    shop.run(&["check", "--write-baseline"]).done();
    shop.edit("boundary-baseline.json", |file| day_before_all(&file));
    let curve = shop.run(&["check", "--history"]).done();
    assert!(curve.contains("2026-01-02"), "{curve}");
    assert!(
        curve.contains(&format!("90 → {} since", listed(&shop))),
        "{curve}"
    );
    let report = shop.run(&["check"]).done();
    assert!(report.contains("since 2026-01-02"), "{report}");
}

#[test]
fn owners_are_rendered() {
    let shop = monolith();
    let said = shop
        .run(&["render", "codeowners", "--prefix", "@acme/"])
        .done();
    assert!(
        said.lines()
            .any(|line| line.starts_with("/web/src/orders/ ")
                && line.ends_with(" @acme/team-fulfilment")),
        "{said}"
    );
    fs::remove_file(shop.path().join("boundaries.yaml")).expect("removed");
    assert_eq!(shop.run(&["render", "codeowners"]).refused(2), ["FH2210"]);
}

#[test]
fn the_step_of_ci_is_written_once() {
    let shop = monolith();
    for (host, file) in [
        ("github", ".github/workflows/freehold-check.yml"),
        ("gitlab", ".gitlab/freehold-check.yml"),
    ] {
        shop.run(&["init", "--ci", host]).done();
        let text = fs::read_to_string(shop.path().join(file)).expect("the file");
        assert!(text.contains(&format!("freehold check --prune --format {host}")));
        assert_eq!(shop.run(&["init", "--ci", host]).refused(2), ["FH1126"]);
    }
    assert!(!shop.path().join("freehold.yaml").exists(), "only the step");
}

/// What a check remembers lies where it was told to, and changes nothing of what is said.
#[test]
fn with_or_without_a_cache_the_same_is_said() {
    let shop = monolith();
    let said = |arguments: &[&str]| parsed(&shop.run(arguments))["findings"].clone();
    // Files that were copied just now are not trusted.
    std::thread::sleep(std::time::Duration::from_millis(2_200));
    let cold = said(&["check", "--json", "--no-cache"]);
    assert!(!shop.path().join(".cache").exists());
    assert_eq!(said(&["check", "--json"]), cold);
    let kept = fs::read_dir(shop.path().join(".cache/check")).expect("it was kept");
    assert_eq!(kept.count(), 1);
    assert_eq!(said(&["check", "--json"]), cold);
    shop.edit("web/src/payment/fraud.ts", |text| {
        text.replace("orders o", "payments o")
    });
    assert_ne!(said(&["check", "--json"]), cold);
}

/// Root reads everything, so that it is somebody else who checks.
#[cfg(unix)]
#[test]
fn files_that_may_not_be_read_are_told() {
    use std::os::unix::fs::PermissionsExt as _;
    let shop = monolith();
    let closed = |path: &str| {
        fs::set_permissions(shop.path().join(path), fs::Permissions::from_mode(0o000))
            .expect("closed");
    };
    fs::set_permissions(shop.path(), fs::Permissions::from_mode(0o755)).expect("opened");
    closed("web/src/payment/fraud.ts");
    closed("office");
    let whose = Command::new("id").arg("-u").output().expect("id").stdout;
    let arguments = ["check", "--json", "--no-cache"];
    let output = if whose.starts_with(b"0\n") {
        let binary = shop.path().join("freehold-copy");
        fs::copy(env!("CARGO_BIN_EXE_freehold"), &binary).expect("copied");
        Command::new("setpriv")
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .arg(binary)
            .args(arguments)
            .current_dir(shop.path())
            .output()
    } else {
        shop.command(&arguments).output()
    };
    let output = output.expect("it runs");
    let said: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    fs::set_permissions(
        shop.path().join("office"),
        fs::Permissions::from_mode(0o755),
    )
    .expect("opened");
    let skipped = said["skipped"].as_array().expect("a list");
    let told: Vec<&str> = skipped
        .iter()
        .filter_map(|own| own["file"].as_str())
        .collect();
    assert_eq!(told, ["office", "web/src/payment/fraud.ts"], "{skipped:?}");
    assert!(skipped.iter().all(|own| {
        own["why"]
            .as_str()
            .is_some_and(|why| why.contains("denied"))
    }));
    assert_eq!(output.status.code(), Some(1), "the others are read");
}

#[test]
fn a_broken_system_is_refused_at_its_place() {
    let shop = Example::copy("bookvault");
    shop.edit("services/orders/service.yaml", |text| {
        text + "\nisolaton: schema\n"
    });
    let said = shop.run(&["check"]);
    assert_eq!(said.refused(2), ["FH1103"]);
    assert!(
        said.err.contains("services/orders/service.yaml:"),
        "{}",
        said.err
    );
    shop.write("freehold.yaml", "{{{");
    assert_eq!(shop.run(&["check"]).code, 2);
}
