//! Changes that are proven, kept and compared before they are made.

use crate::binary::{Example, Said};
use crate::embedded::walk;

fn run(example: &Example, arguments: &[&str]) -> Said {
    example.run(&[&["--servers", "embedded"], arguments].concat())
}

#[test]
fn downs_are_proven_before_anything_changes() {
    let bookvault = Example::copy("bookvault");
    let proven = run(&bookvault, &["plan", "--verify-rollback"]).done();
    assert!(
        proven.contains("orders     5 migrations up, down and up again: same schema"),
        "{proven}"
    );
    assert!(proven.contains("same rows of"), "{proven}");
    assert!(
        !bookvault
            .path()
            .join(".freehold/stores/main/orders")
            .exists(),
        "the store itself is not made"
    );

    let folder = "services/orders/migrations/sqlite";
    bookvault.write(
        &format!("{folder}/0099_more.up.sql"),
        "CREATE TABLE more (id INTEGER PRIMARY KEY);\nCREATE INDEX idx_more ON orders (order_id);\n",
    );
    bookvault.write(
        &format!("{folder}/0099_more.down.sql"),
        "DROP TABLE more;\n",
    );
    let refused = run(&bookvault, &["apply", "--verify-rollback"]);
    assert_eq!(refused.refused(3), ["FH3212"]);
    assert!(
        refused.err.contains("0099_more.down.sql:1:1") && refused.err.contains("index idx_more"),
        "{}",
        refused.err
    );
    let left = walk(&bookvault.path().join(".freehold"));
    assert!(left.is_empty(), "nothing was changed anywhere: {left:?}");

    bookvault.write(
        &format!("{folder}/0099_more.down.sql"),
        "DROP INDEX idx_more;\nDROP TABLE more;\n",
    );
    run(&bookvault, &["apply", "--verify-rollback"]).done();
    assert!(run(&bookvault, &["plan"]).done().contains("Nothing to do"));
}

#[test]
fn a_plan_is_kept_and_applied_or_refused() {
    let bookvault = Example::copy("bookvault");
    let plan = |bookvault: &Example| run(bookvault, &["plan", "-o", "bookvault.plan"]).done();
    let apply = |bookvault: &Example| run(bookvault, &["apply", "./bookvault.plan"]);
    assert!(plan(&bookvault).contains("freehold apply ./bookvault.plan"));
    let kept = std::fs::read_to_string(bookvault.path().join("bookvault.plan")).expect("a file");
    assert!(
        kept.contains("0001_") && !kept.contains("password"),
        "{kept}"
    );

    run(&bookvault, &["apply", "orders"]).done();
    let moved = apply(&bookvault);
    assert_eq!(moved.refused(3), ["FH3219"]);
    assert!(
        moved.err.contains("orders: the store is not as it was"),
        "{}",
        moved.err
    );

    plan(&bookvault);
    let folder = "services/catalog/migrations/sqlite";
    bookvault.write(
        &format!("{folder}/0099_more.up.sql"),
        "CREATE TABLE more (id INTEGER);\n",
    );
    let moved = apply(&bookvault);
    assert_eq!(moved.refused(3), ["FH3220"]);
    assert!(
        moved.err.contains("catalog") && moved.err.contains("0099_more"),
        "{}",
        moved.err
    );

    bookvault.write("environments/other.yaml", "protect: true\n");
    let elsewhere = run(&bookvault, &["-e", "other", "apply", "./bookvault.plan"]);
    assert_eq!(elsewhere.refused(3), ["FH3218"]);

    plan(&bookvault);
    apply(&bookvault).done();
    assert!(run(&bookvault, &["plan"]).done().contains("Nothing to do"));
    let again = apply(&bookvault);
    assert!(
        again.refused(3).iter().all(|code| code == "FH3219"),
        "{}",
        again.err
    );

    bookvault.write("bookvault.plan", "{ \"freehold_plan\": 9 }");
    assert_eq!(apply(&bookvault).refused(3), ["FH3217"]);
    assert_eq!(
        run(&bookvault, &["apply", "./nothing.plan"]).refused(3),
        ["FH3217"]
    );
}

#[test]
fn a_plan_names_what_others_will_notice() {
    let bookvault = Example::copy("bookvault");
    run(&bookvault, &["apply"]).done();
    let folder = "services/catalog/migrations/sqlite";
    bookvault.write(
        &format!("{folder}/0099_index.up.sql"),
        "CREATE INDEX idx_more ON books (title, book_id);\nCREATE TABLE more (id INTEGER);\nCREATE INDEX idx_new ON more (id);\n",
    );
    let plan = run(&bookvault, &["plan"]).done();
    assert!(
        plan.contains(
            "0099_index  books is not written while all of it is read (CREATE INDEX) · about"
        ),
        "{plan}"
    );
    assert_eq!(
        plan.matches("▲ locks").count(),
        1,
        "a new table is nobody's: {plan}"
    );
    bookvault.write(
        &format!("{folder}/0099_index.up.sql"),
        "-- freehold: lock_timeout: soon\nSELECT 1;\n",
    );
    assert_eq!(run(&bookvault, &["plan"]).refused(2), ["FH1250"]);
}

#[test]
fn a_new_system_works_at_once() {
    let place = Example::copy("bookvault");
    let made = place.run(&["init", "my-shop"]).done();
    assert!(
        made.contains("+ freehold.yaml") && made.contains("cd my-shop && freehold up"),
        "{made}"
    );
    let shop = |arguments: &[&str]| {
        place.run(&[&["-C", "my-shop", "--servers", "embedded"], arguments].concat())
    };
    let ci =
        std::fs::read_to_string(place.path().join("my-shop/.gitlab-ci.yml")).expect("a CI file");
    for line in ci
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- freehold "))
    {
        let words: Vec<_> = line.split(' ').collect();
        place.run(&[&["-C", "my-shop"], &words[..]].concat()).done();
    }
    assert!(shop(&["up"]).done().contains("orders 2"));
    assert_eq!(place.run(&["init", "my-shop"]).refused(2), ["FH1126"]);
    place.write("in-the-way", "");
    assert_eq!(
        place.run(&["init", "in-the-way/shop"]).refused(2),
        ["FH1127"]
    );
}
