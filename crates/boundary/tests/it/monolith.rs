//! The bookshop before it was split: each of its crossings is known, and nothing else is one.

use std::collections::BTreeSet;
use std::fs;

use super::{checked, example, lines};

/// The table beside the example was made from the checker's own output, and each line of it judged
/// against the code by hand: it guards against going back, and measures nothing.
#[test]
fn every_crossing_is_found_and_nothing_else() {
    let root = example("bookvault-monolith");
    let table = fs::read_to_string(root.join("crossings.tsv")).expect("crossings.tsv");
    let expected: BTreeSet<String> = table
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(str::to_owned)
        .collect();
    let found: BTreeSet<String> = lines(&checked(&root)).into_iter().collect();
    let hits = expected.intersection(&found).count();
    #[expect(clippy::cast_precision_loss, reason = "small counts")]
    let share = |of: usize| hits as f64 / of as f64;
    let report = format!(
        "precision {:.3}, recall {:.3}\nmissed: {:#?}\nfalse: {:#?}",
        share(found.len()),
        share(expected.len()),
        expected.difference(&found).collect::<Vec<_>>(),
        found.difference(&expected).collect::<Vec<_>>(),
    );
    assert_eq!(expected, found, "{report}");
}
