//! The cache: it makes a check faster and nothing else.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use freehold_boundary::{Cache, Checked, Checker, Ownership};

use super::{TWO, lines, tree};

const QUERY: &str = "q('select * from books')\n";

struct Kept {
    root: tempfile::TempDir,
    folder: tempfile::TempDir,
}

impl Kept {
    fn new() -> Self {
        Self {
            root: tree(&[("boundaries.yaml", TWO), ("orders/a.py", QUERY)]),
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    /// As a check that begins in `later` seconds, by the program `build`.
    fn check(&self, later: u64, build: &str) -> Checked {
        let text = fs::read_to_string(self.root.path().join("boundaries.yaml")).expect("the file");
        let own = Ownership::of_file(&text, Path::new("boundaries.yaml")).expect("good");
        let now = SystemTime::now() + Duration::from_secs(later);
        let cache = Cache::new(self.folder.path().to_path_buf(), build.to_owned(), now);
        Checker::cached(cache)
            .check(self.root.path(), &[], Some(own), "2026-11-21")
            .expect("a check")
    }

    fn file(&self) -> Option<std::path::PathBuf> {
        let entry = fs::read_dir(self.folder.path())
            .expect("the folder")
            .next()?;
        Some(entry.expect("an entry").path())
    }

    /// Puts a lie into the cache's file, with a digest that fits: what is read from there is seen.
    fn lie(&self) {
        use sha2::Digest as _;
        let file = self.file().expect("a file");
        let text = fs::read_to_string(&file).expect("text");
        let (_, body) = text.split_once('\n').expect("two lines");
        let body = body.replace("\"object\":\"books\"", "\"object\":\"lies\"");
        let digest = freehold_engine::hex(&sha2::Sha256::digest(&body));
        fs::write(&file, format!("{digest}\n{body}")).expect("written");
    }
}

fn object(checked: &Checked) -> &str {
    &checked.findings[0].object
}

#[test]
fn what_was_found_is_read_again_while_nothing_changes() {
    let kept = Kept::new();
    let first = kept.check(10, "a");
    kept.lie();
    let again = kept.check(10, "a");
    assert_eq!(object(&again), "lies", "it was read from the cache");
    assert_eq!(again.counts, first.counts);
    // Another program, another description, another file: not from the cache.
    assert_eq!(object(&kept.check(10, "b")), "books");
    kept.lie();
    assert_eq!(object(&kept.check(10, "b")), "lies");
    fs::write(
        kept.root.path().join("boundaries.yaml"),
        TWO.replace("books: {", "books: { team: t,"),
    )
    .expect("written");
    assert_eq!(object(&kept.check(10, "b")), "books");
    kept.lie();
    fs::write(kept.root.path().join("orders/b.py"), QUERY).expect("written");
    assert_eq!(kept.check(10, "b").findings.len(), 2);
    kept.lie();
    fs::remove_file(kept.root.path().join("orders/b.py")).expect("removed");
    assert_eq!(object(&kept.check(10, "b")), "books");
    kept.lie();
    // Same size, same name.
    fs::write(
        kept.root.path().join("orders/a.py"),
        QUERY.replace('*', "b"),
    )
    .expect("written");
    assert_eq!(object(&kept.check(10, "b")), "books");
}

#[test]
fn files_of_this_moment_are_not_trusted() {
    let kept = Kept::new();
    kept.check(0, "a");
    assert_eq!(kept.file(), None);
}

#[test]
fn a_broken_cache_is_none() {
    let kept = Kept::new();
    let found = lines(&kept.check(10, "a"));
    let file = kept.file().expect("a file");
    let whole = fs::read(&file).expect("bytes");
    let mut flipped = whole.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    for broken in [
        &b""[..],
        b"\n",
        b"nonsense",
        &whole[..whole.len() / 2],
        &flipped,
    ] {
        fs::write(&file, broken).expect("written");
        assert_eq!(lines(&kept.check(10, "a")), found);
    }
    fs::remove_file(&file).expect("removed");
    fs::create_dir(&file).expect("in its place");
    assert_eq!(lines(&kept.check(10, "a")), found);
}

/// The policy and its last day are asked anew each time.
#[test]
fn what_is_allowed_is_not_kept() {
    let kept = Kept::new();
    assert_eq!(kept.check(10, "a").findings.len(), 1);
    let allow = format!("{TWO}allow:\n  - {{ from: orders, reason: x, until: 2026-11-20 }}\n");
    fs::write(kept.root.path().join("boundaries.yaml"), allow).expect("written");
    let ended = kept.check(10, "a");
    assert_eq!((ended.findings.len(), ended.expired.len()), (1, 1));
    let allow = format!("{TWO}allow:\n  - {{ from: orders, reason: x, until: 2026-11-21 }}\n");
    fs::write(kept.root.path().join("boundaries.yaml"), allow).expect("written");
    for _ in 0..2 {
        let open = kept.check(10, "a");
        assert_eq!((open.findings.len(), open.allowed.len()), (0, 1));
    }
}

/// One that remembers says what one that forgets says, after every change.
#[test]
fn a_memory_is_only_faster() {
    let kept = Kept::new();
    let root = kept.root.path();
    let mut checker = Checker::remembering();
    let mut both = || {
        let own = || Some(Ownership::of_file(TWO, Path::new("b")).expect("good"));
        let with = checker
            .check(root, &[], own(), "2026-11-21")
            .expect("a check");
        let without = freehold_boundary::check(root, &[], own(), "2026-11-21").expect("a check");
        assert_eq!(lines(&with), lines(&without));
        assert_eq!(with.counts, without.counts);
        assert_eq!(with.skipped, without.skipped);
        with.findings.len()
    };
    assert_eq!(both(), 1);
    assert_eq!(both(), 1);
    fs::write(
        root.join("orders/names.ts"),
        "export const NAME = 'books';\n",
    )
    .expect("written");
    fs::write(root.join("orders/b.ts"), "q(`select * from ${NAME}`)\n").expect("written");
    assert_eq!(both(), 2);
    fs::write(
        root.join("orders/names.ts"),
        "export const NAME = 'orders';\n",
    )
    .expect("written");
    assert_eq!(both(), 1);
    fs::write(root.join("orders/c.py"), b"\0").expect("written");
    fs::remove_file(root.join("orders/a.py")).expect("removed");
    assert_eq!(both(), 0);
}
