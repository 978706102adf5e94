//! The corpus of our own: cases of nine languages, each with what must be found in it, written
//! beside the line: `//> join customers`, `#> read books; write books`, `--> view refunds`.
//!
//! It guards against going back, and measures nothing: it was written by those who wrote the
//! checker. Below recall 0.95 or precision 0.98 in any language the test fails.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use freehold_boundary::{Ownership, check};

/// Each with the number of cases that it must have at least.
const LANGUAGES: [(&str, usize); 9] = [
    ("typescript", 40),
    ("python", 40),
    ("java", 40),
    ("go", 40),
    ("csharp", 40),
    ("kotlin", 5),
    ("ruby", 6),
    ("php", 6),
    ("rust", 6),
];

/// How often a finding is there: language, file, line, kind, object.
type Bag = BTreeMap<String, usize>;

#[test]
#[expect(clippy::print_stdout, reason = "the numbers are what the test is for")]
fn the_corpus_is_found_as_it_is_labelled() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let boundaries = fs::read_to_string(root.join("boundaries.yaml")).expect("boundaries.yaml");
    let mut bad = String::new();
    for (language, cases) in LANGUAGES {
        let folder = root.join(language);
        let mut files = Vec::new();
        list(&folder, &mut files);
        assert!(files.len() >= cases, "{language} has {} cases", files.len());
        let wanted = labels(&folder, &files);
        let own =
            Ownership::of_file(&boundaries, Path::new("boundaries.yaml")).expect("a good file");
        let checked = check(&folder, &[], Some(own), "2026-11-21").expect("a check");
        let mut found = Bag::new();
        for own in &checked.findings {
            let object = own.object.to_ascii_lowercase();
            let place = format!("{}:{}", own.file.display(), own.spot.line);
            let key = format!("{place} {} {object}", own.kind.name());
            *found.entry(key).or_default() += 1;
        }
        let hits: usize = wanted
            .iter()
            .map(|(key, count)| found.get(key).map_or(0, |own| *own.min(count)))
            .sum();
        let (recall, precision) = (share(hits, sum(&wanted)), share(hits, sum(&found)));
        let line = format!(
            "{language}: {} cases, {} crossings: recall {recall:.3}, precision {precision:.3}",
            files.len(),
            sum(&wanted)
        );
        println!("{line}");
        let missed: Vec<_> = wanted
            .keys()
            .filter(|key| !found.contains_key(*key))
            .collect();
        let more: Vec<_> = found
            .keys()
            .filter(|key| !wanted.contains_key(*key))
            .collect();
        if recall < 0.95 || precision < 0.98 {
            let _ = write!(bad, "{line}\nmissed: {missed:#?}\nmore: {more:#?}\n");
        } else if !missed.is_empty() || !more.is_empty() {
            println!("  missed: {missed:?}\n  more: {more:?}");
        }
    }
    assert!(bad.is_empty(), "{bad}");
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            list(&path, files);
        } else {
            files.push(path);
        }
    }
}

/// `mark> kind object; kind object` at the end of a line; `object@line` where no label can stand.
fn labels(folder: &Path, files: &[PathBuf]) -> Bag {
    let mut wanted = Bag::new();
    for path in files {
        let text = fs::read_to_string(path).expect("a case");
        let name = path.strip_prefix(folder).expect("below the folder");
        for (i, line) in text.lines().enumerate() {
            let Some((_, said)) = ["//> ", "#> ", "--> "]
                .iter()
                .find_map(|mark| line.split_once(mark))
            else {
                continue;
            };
            for label in said.trim_end_matches("-->").trim().split("; ") {
                let (kind, object) = label.split_once(' ').expect("a kind and an object");
                let (object, at) = match object.trim().split_once('@') {
                    Some((object, at)) => (object, at.parse().expect("a line")),
                    None => (object.trim(), i + 1),
                };
                let place = format!("{}:{at}", name.display());
                let key = format!("{place} {kind} {}", object.to_ascii_lowercase());
                *wanted.entry(key).or_default() += 1;
            }
        }
    }
    wanted
}

fn sum(bag: &Bag) -> usize {
    bag.values().sum()
}

#[expect(clippy::cast_precision_loss, reason = "small counts")]
fn share(part: usize, of: usize) -> f64 {
    part as f64 / of.max(1) as f64
}
