//! Known findings stay known through every edit that is none of their business; new ones fail.

use std::fs;

use freehold_boundary::Baseline;

use super::{TWO, checked, tree};

const CODE: &str = "export class A {\n  find(db) {\n    return db.query('select * from books where a = 1');\n  }\n}\n";

#[test]
fn reformatting_renaming_and_moving_change_nothing() {
    let root = tree(&[("boundaries.yaml", TWO), ("orders/a.ts", CODE)]);
    let known = Baseline::of(&checked(root.path()).findings, "2026-01-01");
    assert_eq!(known.known.len(), 1);
    let edits = [
        (
            "orders/a.ts",
            CODE.replace("  ", "\t").replace("{\n", "{\n\n\n"),
        ),
        ("orders/deep/other.ts", CODE.to_owned()),
        (
            "orders/a.ts",
            CODE.replace('\'', "`")
                .replace("select * from", "SELECT *\n  FROM"),
        ),
        (
            "orders/a.ts",
            format!("// a line more\nimport x from 'y';\n{CODE}"),
        ),
    ];
    for (path, text) in edits {
        let root = tree(&[("boundaries.yaml", TWO), (path, &text)]);
        let mut findings = checked(root.path()).findings;
        let compared = known.compare(&mut findings);
        assert_eq!((compared.new, compared.known), (0, 1), "{text}");
        assert!(compared.stale.is_empty() && findings[0].known);
    }
}

#[test]
fn a_new_crossing_in_a_listed_place_is_new() {
    let root = tree(&[("boundaries.yaml", TWO), ("orders/a.ts", CODE)]);
    let known = Baseline::of(&checked(root.path()).findings, "2026-01-01");
    let twice = CODE.replace(
        "    return",
        "    db.query('select b from books');\n    return",
    );
    fs::write(root.path().join("orders/a.ts"), twice).expect("a file");
    let mut findings = checked(root.path()).findings;
    let compared = known.compare(&mut findings);
    assert_eq!((compared.new, compared.known), (1, 1));
    // What is new is never taken in.
    assert_eq!(known.shrunk(&findings, "2026-01-02").known, known.known);
}

#[test]
fn what_is_gone_is_stale_and_the_list_shrinks() {
    let root = tree(&[("boundaries.yaml", TWO), ("orders/a.ts", CODE)]);
    let known = Baseline::of(&checked(root.path()).findings, "2026-01-01");
    fs::write(root.path().join("orders/a.ts"), "export class A {}\n").expect("a file");
    let mut findings = checked(root.path()).findings;
    assert_eq!(known.compare(&mut findings).stale.len(), 1);
    let next = known.shrunk(&findings, "2026-02-01");
    assert!(next.known.is_empty());
    let curve: Vec<usize> = next.history.iter().map(|day| day.findings).collect();
    assert_eq!(curve, [1, 0]);
    assert_eq!(
        Baseline::parse(&next.to_text()).expect("what we write we read"),
        next
    );
}

#[test]
fn broken_baselines_are_refused() {
    assert_eq!(Baseline::parse("{").expect_err("no JSON").code, "FH2204");
    let newer = "{\"version\":9,\"known\":[],\"history\":[]}";
    assert_eq!(
        Baseline::parse(newer).expect_err("a version").code,
        "FH2204"
    );
}
