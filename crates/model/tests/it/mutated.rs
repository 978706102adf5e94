//! Whatever stands in the files: an answer, never a panic.

use std::path::Path;

use freehold_model::{load, load_migrations, load_seeds};
use proptest::prelude::*;

use crate::{ROOT, memory};

const SYSTEM: &str = "system: shop\nservers:\n  main: { engine: postgres, url: \"env:PG\", pooled: prompt }\nbroker: { kind: nats, url: \"env:NATS\" }\nservices: [services/*]\naccess:\n  - { who: dba, rights: admin, on: [main], reason: \"x\", until: 2027-06-30 }\n";
const ENVIRONMENT: &str = "protect: true\nservers: { main: { url: \"file:x\", pooled: null } }\noverride: { orders: { store: { tls: required }, tables: { a: null } } }\n";
const SERVICE: &str = "service: orders\nteam: &t t\ncode: [src/**]\nstore: { server: main, isolation: schema, engines: [postgres] }\nentities: { Order: { tables: [orders], why: *t } }\ntables:\n  a: { append_only: true }\nidentities: { app: { role: r, logins: [l1, l2] } }\ncredentials: { deliver: \"file:/x\" }\nrun: { command: [x], env: [HOME] }\n";
const MIGRATION: &str = "-- freehold: phase: expand\nCREATE TABLE orders (id int);\n";

/// A change somewhere in a text.
#[derive(Debug, Clone)]
enum Change {
    Insert(usize, String),
    Remove(usize, usize),
    Repeat(usize, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let bits = prop::sample::select(vec![
        "\n", "  ", ":", ": ", "- ", "? ", "[", "]", "{", "}", ",", "null", "~", "&a ", "*a",
        "!x ", "\"", "'", "|\n", ">\n", "#", "---\n", "...\n", "%", "<<: ", "\t", "\u{feff}", "é",
        "0x1", "1e9", "override", "store", "stores", "**", "../", "\0", "@", "`",
    ]);
    prop_oneof![
        (any::<usize>(), bits).prop_map(|(at, bit)| Change::Insert(at, bit.to_owned())),
        (any::<usize>(), ".{0,3}").prop_map(|(at, bit)| Change::Insert(at, bit)),
        (any::<usize>(), 0_usize..20).prop_map(|(at, length)| Change::Remove(at, length)),
        (any::<usize>(), 0_usize..40).prop_map(|(at, length)| Change::Repeat(at, length)),
    ]
}

fn mutated(text: &'static str) -> impl Strategy<Value = String> {
    prop::collection::vec(change(), 0..5).prop_map(move |changes| {
        let mut chars: Vec<char> = text.chars().collect();
        for change in changes {
            let place = |at: usize| at % (chars.len() + 1);
            match change {
                Change::Insert(at, bit) => {
                    let at = place(at);
                    chars.splice(at..at, bit.chars());
                }
                Change::Remove(at, length) => {
                    let at = place(at);
                    chars.drain(at..(at + length).min(chars.len()));
                }
                Change::Repeat(at, length) => {
                    let at = place(at);
                    let again = chars[at..(at + length).min(chars.len())].to_vec();
                    chars.splice(at..at, again);
                }
            }
        }
        chars.into_iter().collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_is_a_panic(
        system in mutated(SYSTEM),
        environment in mutated(ENVIRONMENT),
        service in mutated(SERVICE),
        migration in mutated(MIGRATION),
    ) {
        let files = memory(&[
            ("freehold.yaml", &system),
            ("environments/prod.yaml", &environment),
            ("services/orders/service.yaml", &service),
            ("services/orders/migrations/0001_a.up.sql", &migration),
            ("services/orders/seeds/01_a.up.sql", &migration),
        ]);
        for name in [None, Some("prod")] {
            match load(Path::new(ROOT), name, &files) {
                Ok(system) => {
                    for service in system.services.values() {
                        for store in service.stores.values() {
                            let _ = load_migrations(&system, service, store, &files, Path::new(ROOT));
                            let _ = load_seeds(&system, service, store, &files, Path::new(ROOT));
                        }
                    }
                }
                // A refusal says what is wrong.
                Err(faults) => prop_assert!(!faults.is_empty()),
            }
        }
    }
}

#[test]
fn depth_is_refused_and_not_followed() {
    let deep = format!("service: a\ncode: {}\n", "- ".repeat(100_000));
    let flow = format!("service: a\ncode: {}\n", "[".repeat(100_000));
    let indented = (0..3_000).fold(String::new(), |text, depth| {
        text + &" ".repeat(depth) + "a:\n"
    });
    for text in [deep, flow, indented] {
        let files = memory(&[
            ("freehold.yaml", SYSTEM),
            ("services/orders/service.yaml", &text),
        ]);
        let faults = load(Path::new(ROOT), None, &files).expect_err("faults");
        assert!(
            faults.iter().any(|fault| fault.code == "FH1102"),
            "{faults:?}"
        );
    }
}
