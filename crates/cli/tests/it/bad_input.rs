//! What is wrong is refused by code, with its place, before anything changes; each code has a page.

use std::fs;

use crate::binary::Example;

fn plan(example: &Example) -> crate::binary::Said {
    example.run(&["--servers", "embedded", "plan"])
}

#[test]
fn a_misspelt_key_is_named_with_its_place() {
    let bookvault = Example::copy("bookvault");
    bookvault.edit("services/orders/service.yaml", |text| {
        text.replacen("isolation:", "isolaton:", 1)
    });
    let said = plan(&bookvault);
    assert_eq!(said.refused(2), ["FH1103"]);
    assert!(
        said.err.contains("services/orders/service.yaml:")
            && said.err.contains("did you mean `isolation`?"),
        "{}",
        said.err
    );
}

#[test]
fn several_faults_are_told_at_once() {
    let bookvault = Example::copy("bookvault");
    bookvault.edit("services/orders/service.yaml", |text| {
        text.replacen("team:", "taem:", 1)
    });
    bookvault.write(
        "services/payment/service.yaml",
        "service: payment\nstore: { server: main\n",
    );
    let codes = plan(&bookvault).refused(2);
    assert!(codes.len() >= 2, "{codes:?}");
}

#[test]
fn files_that_do_not_fit() {
    let duplicate = Example::copy("bookvault");
    let folder = "services/orders/migrations/sqlite";
    duplicate.write(
        &format!("{folder}/0001_again.up.sql"),
        "CREATE TABLE again (id INTEGER);",
    );
    assert_eq!(plan(&duplicate).refused(2), ["FH1202"]);

    let crossing = Example::copy("bookvault");
    crossing.write(
        &format!("{folder}/0099_crossing.up.sql"),
        "CREATE TABLE wishes (id INTEGER PRIMARY KEY,\n  customer_id INTEGER REFERENCES customers (customer_id));",
    );
    let said = plan(&crossing);
    assert_eq!(said.refused(2), ["FH1240"]);
    assert!(
        said.err.contains("0099_crossing.up.sql:1:1") && said.err.contains("service customers"),
        "{}",
        said.err
    );

    let open = Example::copy("bookvault");
    open.write(
        &format!("{folder}/0099_open.up.sql"),
        "INSERT INTO book_cache (title)\nVALUES ('open);\n",
    );
    let said = plan(&open);
    assert_eq!(said.refused(2).len(), 1);
    assert!(said.err.contains("0099_open.up.sql:2:"), "{}", said.err);

    let twice = Example::copy("bookvault");
    twice.edit("services/payment/service.yaml", |text| {
        text.replacen("tables: [", "tables: [orders, ", 1)
    });
    assert_eq!(plan(&twice).refused(2), ["FH1113"]);
    assert!(
        !crossing.path().join(".freehold").exists(),
        "nothing was made"
    );
}

#[test]
fn what_is_missing_is_named() {
    let bookvault = Example::copy("bookvault");
    assert_eq!(
        bookvault
            .run(&["plan"])
            .refused(2)
            .first()
            .map(String::as_str),
        Some("FH1311")
    );
    for command in ["plan", "up"] {
        let said = bookvault.run(&["-C", "services", command]);
        assert_eq!(said.refused(2), ["FH1308"]);
        assert!(said.err.contains("in services"), "{}", said.err);
    }
    assert!(!bookvault.path().join("services/.freehold").exists());
    let empty = tempfile::tempdir().expect("a folder");
    let mut command = bookvault.command(&["plan"]);
    let output = command.current_dir(empty.path()).output().expect("it runs");
    assert!(String::from_utf8_lossy(&output.stderr).contains("FH1308"));
    assert_eq!(
        bookvault.run(&["explain", "FH-nothing"]).refused(2),
        ["FH1309"]
    );
    assert_eq!(bookvault.run(&["frobnicate"]).code, 2);
}

#[test]
fn every_page_can_be_shown() {
    let bookvault = Example::copy("bookvault");
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors");
    let mut shown = 0;
    for page in fs::read_dir(folder).expect("pages").flatten() {
        let code = page.file_name().to_string_lossy().replace(".md", "");
        let text = bookvault.run(&["explain", &code.to_lowercase()]).done();
        assert!(text.starts_with(&format!("# {code}")), "{text}");
        shown += 1;
    }
    assert!(shown > 50);
}

#[test]
fn errors_are_json_when_asked() {
    let bookvault = Example::copy("bookvault");
    let said = bookvault.run(&["--json", "plan"]);
    assert_eq!(said.code, 2);
    let json: serde_json::Value = serde_json::from_str(&said.out).expect("JSON");
    assert_eq!(json["errors"][0]["code"], "FH1311");
}
