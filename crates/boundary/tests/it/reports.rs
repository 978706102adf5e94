//! The forms for people and machines.

use std::fs;
use std::path::Path;

use freehold_boundary::report::{Shown, Tone, github, gitlab, human, json, sarif};

use super::{TWO, checked, tree};

const CODE: &str = "export function f(db) {\n  return db.query(`select * from orders o\n    join books b on b.id = o.b`);\n}\n";

#[test]
fn people_see_the_place() {
    let root = tree(&[("boundaries.yaml", TWO), ("orders/a.ts", CODE)]);
    let checked = checked(root.path());
    let plain = |_: Tone, text: &str| text.to_owned();
    let source = |file: &Path| fs::read_to_string(root.path().join(file)).ok();
    let said = human(
        &checked,
        None,
        Shown {
            width: 80,
            ..Shown::default()
        },
        &plain,
        &source,
    );
    let expected = "\
error[FH2101]: orders joins a table that belongs to books
  ┌─ orders/a.ts:3:10
  │
3 │     join books b on b.id = o.b`);
  │          ^^^^^ owned by books
  │
  = seen in: a template string, read as PostgreSQL
";
    assert!(said.starts_with(expected), "{said}");
    assert!(
        said.contains("·         1") && said.contains("1 finding. "),
        "{said}"
    );
}

#[test]
fn machines_get_the_same_place() {
    let root = tree(&[("boundaries.yaml", TWO), ("orders/a b.ts", CODE)]);
    let checked = checked(root.path());
    let finding = &json(&checked, None)["findings"][0];
    assert_eq!(
        (&finding["kind"], &finding["line"], &finding["column"]),
        (&"join".into(), &3.into(), &10.into())
    );
    let log = sarif(&checked, "1.0.0");
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let result = &run["results"][0];
    assert_eq!(result["ruleId"], "FH2101");
    let rule = result["ruleIndex"].as_u64().expect("an index");
    assert_eq!(
        run["tool"]["driver"]["rules"][usize::try_from(rule).expect("small")]["id"],
        "FH2101"
    );
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "orders/a%20b.ts");
    assert_eq!(place["region"]["startColumn"], 10);
    assert_eq!(place["region"]["endColumn"], 15);
    assert!(github(&checked).starts_with(
        "::error file=orders/a b.ts,line=3,col=10,endColumn=15,title=FH2101 join::orders joins"
    ));
    assert_eq!(gitlab(&checked)[0]["location"]["lines"]["begin"], 3);
}
