//! `audit --url` against one real database, with everything that can be asked for beside the
//! report: what is kept, compared, watched and handed on, and input that is wrong.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::sync::Arc;

use freehold_model::EngineKind;
use freehold_testkit::{Must as _, TestServer};
use serde_json::Value;

use crate::binary::{Example, Said};

/// The bookshop before its split, in a database that runs: one statement of orders on the catalog's
/// table, called from a place that it names, and one that no code of the shop has.
struct Shop {
    example: Example,
    server: Arc<TestServer>,
}

const DATABASE: &str = "bookvault";

async fn shop() -> Option<Shop> {
    let with = [
        ("shared_preload_libraries", "pg_stat_statements"),
        ("pg_stat_statements.track", "all"),
    ];
    let server = TestServer::alone_with(EngineKind::Postgres, &with).await?;
    let mut example = Example::copy("bookvault-monolith");
    let cache = example.path().join(".cache");
    example.set("FREEHOLD_CACHE_DIR", &cache.to_string_lossy());
    let at = server.admin.with_database(DATABASE);
    example.set("PROD_URL", at.url().expose());
    let mut admin = server.connect().await;
    admin
        .execute("CREATE DATABASE bookvault")
        .await
        .must("a database");
    let shop = Shop { example, server };
    let schema = fs::read_to_string(shop.example.path().join("db/schema.sql")).must("the schema");
    shop.send("CREATE EXTENSION pg_stat_statements").await;
    shop.send(&schema).await;
    for _ in 0..12 {
        shop.send(READS).await;
    }
    Some(shop)
}

const READS: &str = "SELECT o.order_id, b.title FROM orders o JOIN order_items i ON i.order_id = o.order_id JOIN books b ON b.book_id = i.book_id /* web/src/orders/report.ts:30 */";
const STRANGE: &str =
    "SELECT order_id FROM orders, payment_methods /* jobs/bookvault/orders/nightly.py:3 */";

impl Shop {
    async fn send(&self, sql: &str) {
        let engine = freehold_builtin::engine(EngineKind::Postgres).must("an engine");
        let at = self.server.admin.with_database(DATABASE);
        let mut session = engine.connect(&at).await.must("it enters");
        session.execute(sql).await.must(sql);
    }

    fn run(&self, arguments: &[&str]) -> Said {
        self.example.run(arguments)
    }

    fn file(&self, name: &str) -> String {
        fs::read_to_string(self.example.path().join(name)).must(name)
    }

    fn audit(&self, more: &[&str]) -> Said {
        self.run(&[&["audit", "--url", "env:PROD_URL"], more].concat())
    }
}

#[tokio::test]
async fn an_audit_is_kept_compared_and_handed_on() {
    let Some(shop) = shop().await else { return };
    let first = shop.audit(&[
        "--out",
        "first.json",
        "--html",
        "page.html",
        "--metrics",
        "a.prom",
    ]);
    assert_eq!(first.code, 1, "{}\n{}", first.out, first.err);
    assert!(first.out.contains("▲ open"), "{}", first.out);
    assert!(shop.file("page.html").contains("<!DOCTYPE html>"));

    // Figures for Prometheus: every line is a remark or a name with labels and a number.
    let metrics = shop.file("a.prom");
    for line in metrics.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').expect("a value");
        assert!(
            name.starts_with("freehold_audit_") && name.ends_with('}'),
            "{line}"
        );
        assert!(value.parse::<f64>().is_ok(), "{line}");
    }
    assert!(
        metrics.contains("verdict{database=\"bookvault\",verdict=\"open\"} 1"),
        "{metrics}"
    );
    assert!(
        metrics.contains("crossings{database=\"bookvault\",from=\"orders\",to=\"catalog\"} 1"),
        "{metrics}"
    );

    // The same again is no worse; a crossing more is.
    let same = shop.audit(&["--baseline", "first.json"]);
    assert_eq!(same.code, 0, "{}\n{}", same.out, same.err);
    shop.send(STRANGE).await;
    let worse = shop.audit(&["--baseline", "first.json", "--out", "second.json"]);
    assert_eq!(worse.code, 1, "{}", worse.out);

    // The curve: two audits, one crossing new, and it is marked.
    let curve = shop.audit(&["--earlier", "first.json", "--json"]);
    let report: Value = serde_json::from_str(&curve.out).expect("JSON");
    let history = report["history"].as_array().must("a curve");
    assert_eq!(history.len(), 2, "{history:#?}");
    assert_eq!(
        (&history[1]["new"], &history[1]["mended"]),
        (&Value::from(1), &Value::from(0))
    );
    let crossings = report["crossings"].as_array().must("crossings");
    let new: Vec<&Value> = crossings.iter().filter(|own| own["new"] == true).collect();
    assert_eq!(new.len(), 1, "{crossings:#?}");
    assert_eq!(new[0]["to"], "payment");

    together(&shop);
}

/// One report of code and database: what runs and is in code, what only runs, what only stands there.
fn together(shop: &Shop) {
    let said = shop.run(&["check", "--with-audit", "second.json"]);
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(
        said.out.contains("Code and live database together"),
        "{}",
        said.out
    );
    let said = shop.run(&["check", "--with-audit", "second.json", "--json"]);
    let value: Value = serde_json::from_str(&said.out).expect("JSON");
    let met = value["audit"]["crossings"].as_array().must("crossings");
    let find = |from: &str, to: &str, table: &str, writes: bool| {
        met.iter()
            .find(|own| {
                own["from"] == from
                    && own["to"] == to
                    && own["table"] == table
                    && own["writes"] == writes
            })
            .unwrap_or_else(|| panic!("{from} {to} {table}: {met:#?}"))
    };
    let both = find("orders", "catalog", "books", false);
    let ran = &both["statements"].as_array().must("statements")[0];
    assert_eq!(ran["place"]["file"], "web/src/orders/report.ts");
    assert!(both["places"].as_array().must("places").len() > 1);
    assert!(ran["calls_a_day"].as_f64().must("a rate") > 0.0);
    let only_live = find("orders", "payment", "payment_methods", false);
    assert_eq!(only_live["places"], serde_json::json!([]));
    let only_code = find("orders", "catalog", "inventory", true);
    assert_eq!(only_code["statements"], serde_json::json!([]));
    // Each statement is counted once in the matrix, however many tables it names.
    let pairs = value["audit"]["pairs"].as_array().must("pairs");
    let statements: u64 = pairs
        .iter()
        .filter_map(|own| own["statements"].as_u64())
        .sum();
    assert_eq!(statements, 2, "{pairs:#?}");
    let keys = value["audit"]["keys"].as_array().must("keys");
    assert!(
        keys.iter()
            .any(|own| own["places"] != serde_json::json!([])
                && own["live"] != serde_json::json!([])),
        "{keys:#?}"
    );
    as_a_log(shop);
    // Another cut: nothing can meet.
    shop.example.edit("second.json", |text| {
        ["customers", "catalog", "orders", "payment"]
            .iter()
            .fold(text, |text, name| {
                text.replace(&format!("\"name\": \"{name}\""), "\"name\": \"x\"")
            })
    });
    let refused = shop
        .run(&["check", "--with-audit", "second.json"])
        .refused(2);
    assert_eq!(refused, ["FH2403"]);
}

/// The same as SARIF: a place with its rate, and what only runs.
fn as_a_log(shop: &Shop) {
    let said = shop.run(&["check", "--with-audit", "second.json", "--format", "sarif"]);
    let log: Value = serde_json::from_str(&said.out).expect("JSON");
    let results = log["runs"][0]["results"].as_array().must("results");
    let at_report = |own: &&Value| {
        own["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
            == "web/src/orders/report.ts"
            && own["properties"]["live"]["of_this_place"] == true
    };
    let found = results.iter().find(at_report).must("the place that runs");
    let text = found["message"]["text"].as_str().must("a text");
    assert!(text.contains("This place runs "), "{text}");
    assert!(found["properties"]["live"]["calls_a_day"].as_f64() > Some(0.0));
    let only_live = results.iter().filter(|own| {
        own["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "second.json"
    });
    let tables: Vec<&Value> = only_live
        .map(|own| &own["locations"][0]["logicalLocations"][0]["fullyQualifiedName"])
        .collect();
    let named = tables.iter().filter_map(|own| own.as_str());
    assert!(
        named
            .into_iter()
            .any(|own| own.ends_with("payment_methods")),
        "{tables:?}"
    );
    let unseen = results.iter().filter(|own| {
        let text = own["message"]["text"].as_str().unwrap_or_default();
        text.contains("Not seen running in `bookvault`")
    });
    assert!(unseen.count() > 0);
}

/// Contexts that were proposed are written down once, and read from then on.
#[tokio::test]
async fn a_proposal_is_written_down_once() {
    let Some(shop) = shop().await else { return };
    let there = shop.audit(&["--write-boundaries"]).refused(2);
    assert_eq!(there, ["FH2207"]);
    fs::remove_file(shop.example.path().join("boundaries.yaml")).must("removed");
    let said = shop.audit(&["--write-boundaries"]);
    assert_eq!(said.code, 1, "{}", said.err);
    let written = shop.file("boundaries.yaml");
    assert!(
        written.contains("contexts:") && written.contains("books"),
        "{written}"
    );
    let report: Value = serde_json::from_str(&shop.audit(&["--json"]).out).expect("JSON");
    assert_eq!(report["origin"], "file", "{written}");
    let proposed: Value =
        serde_json::from_str(&shop.audit(&["--json", "--propose"]).out).expect("JSON");
    assert_eq!(proposed["origin"], "proposal");
}

/// A child that is ended whatever the test comes to.
struct Watching(Child);

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn what_comes_and_goes_is_told_while_it_watches() {
    let Some(shop) = shop().await else { return };
    let mut command = shop.example.command(&[
        "audit",
        "--url",
        "env:PROD_URL",
        "--watch",
        "1",
        "--metrics",
        "watched.prom",
    ]);
    let child = command.stdout(Stdio::piped()).spawn().must("it runs");
    let mut watching = Watching(child);
    let out = watching.0.stdout.take().must("its output");
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            if tell.send(line).is_err() {
                return;
            }
        }
    });
    let wait = |wanted: &[&str]| {
        let limit = std::time::Duration::from_mins(2);
        loop {
            let line = told.recv_timeout(limit).expect("a line");
            if wanted.iter().all(|word| line.contains(word)) {
                return;
            }
        }
    };
    wait(&["Next"]);
    shop.send("CREATE TABLE open_to_all (id int); GRANT SELECT ON books TO PUBLIC")
        .await;
    wait(&["▲ new", "everybody may SELECT", "books"]);
    shop.send("REVOKE SELECT ON books FROM PUBLIC").await;
    wait(&["● ended", "everybody may SELECT", "books"]);
    assert!(
        shop.file("watched.prom")
            .contains("freehold_audit_findings")
    );
}

#[tokio::test]
async fn wrong_input_is_refused_and_little_is_never_clean() {
    let Some(shop) = shop().await else { return };
    let refused = |arguments: &[&str], code: i32, codes: &[&str]| {
        let said = shop.run(arguments);
        assert_eq!(said.refused(code), codes, "{arguments:?}");
    };
    let url = shop.server.admin.url();
    refused(&["audit", "--url", "env:NOT_SET"], 2, &["FH1311"]);
    refused(&["audit", "--url", url.expose()], 2, &["FH2401"]);
    shop.example.write("oracle.url", "oracle://u@h/x");
    refused(&["audit", "--url", "file:oracle.url"], 2, &["FH2402"]);
    shop.example.write("gone.url", "postgres://u@127.0.0.1:1/x");
    refused(&["audit", "--url", "file:gone.url"], 3, &["FH3001"]);
    refused(
        &["audit", "--url", "env:PROD_URL", "--baseline", "none.json"],
        2,
        &["FH2205"],
    );
    shop.example.write("torn.json", "{ \"version\": 1, ");
    refused(
        &["audit", "--url", "env:PROD_URL", "--baseline", "torn.json"],
        2,
        &["FH2209"],
    );
    refused(
        &["audit", "--url", "env:PROD_URL", "--earlier", "torn.json"],
        2,
        &["FH2209"],
    );
    shop.example.write("later.json", "{ \"version\": 99 }");
    refused(&["check", "--with-audit", "later.json"], 2, &["FH2209"]);
    refused(
        &[
            "audit",
            "--url",
            "env:PROD_URL",
            "--html",
            "no/such/folder.html",
        ],
        2,
        &["FH2208"],
    );
    // No description, no URL.
    refused(&["audit"], 2, &["FH1308"]);

    // A login without rights, an extension that is not there: never clean.
    shop.send("DROP EXTENSION pg_stat_statements; CREATE ROLE nobody LOGIN PASSWORD 'x'")
        .await;
    let at = shop
        .server
        .admin
        .with_database(DATABASE)
        .with_login("nobody", Some(freehold_engine::Secret::new("x".to_owned())));
    shop.example.write("nobody.url", at.url().expose());
    let few = shop.run(&["audit", "--url", "file:nobody.url"]);
    assert_eq!(few.code, 1, "{}", few.err);
    assert!(!few.out.contains("● closed"), "{}", few.out);
    assert!(few.out.contains("No statistics"), "{}", few.out);
}
