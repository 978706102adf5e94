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
        proven.contains("orders     4 migrations up, down and up again: same schema"),
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
