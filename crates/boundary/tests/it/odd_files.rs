//! Whatever lies in a tree: it is read or counted, and never stops the check.

use std::fs;

use proptest::prelude::*;

use super::{TWO, checked, tree};

#[test]
fn files_that_are_not_texts_are_counted() {
    let root = tree(&[
        ("boundaries.yaml", TWO),
        ("orders/a.py", "q('select * from books')\n"),
    ]);
    let write =
        |path: &str, bytes: &[u8]| fs::write(root.path().join(path), bytes).expect("a file");
    write("orders/binary.py", b"\0\0\0select * from books");
    write(
        "orders/latin.py",
        b"# caf\xe9\nq('select b.x from books b')\n",
    );
    write("orders/bom.sql", "\u{feff}SELECT * FROM books;".as_bytes());
    let wide: Vec<u8> = [0xff, 0xfe]
        .into_iter()
        .chain(
            "SELECT 1 FROM books"
                .encode_utf16()
                .flat_map(u16::to_le_bytes),
        )
        .collect();
    write("orders/wide.sql", &wide);
    write(
        "orders/long.ts",
        format!("q('select * from books');{}", "x".repeat(3_000_000)).as_bytes(),
    );
    let found = checked(root.path());
    assert_eq!(found.findings.len(), 5);
    assert_eq!(found.skipped.len(), 1);
    assert!(found.skipped[0].file.ends_with("binary.py"));
}

#[cfg(unix)]
#[test]
fn loops_of_links_end() {
    let root = tree(&[
        ("boundaries.yaml", TWO),
        ("orders/a.py", "q('select * from books')\n"),
    ]);
    std::os::unix::fs::symlink(root.path(), root.path().join("orders/again")).expect("a link");
    assert_eq!(checked(root.path()).findings.len(), 1);
}

/// A line of 50 MB is counted and shown with its reason; one that is read at all takes its part
/// of the time, and the places on it are exact.
#[test]
fn enormous_lines_are_counted_or_read() {
    let root = tree(&[("boundaries.yaml", TWO)]);
    let file = |name: &str, text: &str| {
        fs::create_dir_all(root.path().join("orders")).expect("a folder");
        fs::write(root.path().join("orders").join(name), text).expect("a file");
    };
    file("dump.sql", &"x".repeat(50_000_000));
    let statement = "select 1 from books;é ";
    let line = statement.repeat(4_000);
    file("line.sql", &line);
    let found = checked(root.path());
    assert_eq!(found.skipped.len(), 1);
    assert!(
        found.skipped[0].why.contains("larger"),
        "{:?}",
        found.skipped
    );
    assert_eq!(found.findings.len(), 4_000);
    let last = &found.findings[3_999].spot;
    assert_eq!(
        (last.line, last.column),
        (1, 3_999 * statement.chars().count() + 15)
    );
}

/// A repository within the repository is code of the same tree, with its own ignored files; what
/// its git keeps is none.
#[test]
fn nested_repositories_are_read() {
    let query = "q('select * from books')\n";
    let root = tree(&[
        ("boundaries.yaml", TWO),
        ("orders/lib/.git/hooks/a.py", query),
        ("orders/lib/.gitignore", "made/\n"),
        ("orders/lib/made/a.py", query),
        ("orders/lib/src/a.py", query),
        ("orders/lib/boundaries.yaml", "contexts: ["),
    ]);
    let found = checked(root.path());
    assert_eq!(found.findings.len(), 1);
    assert!(found.findings[0].file.ends_with("src/a.py"));
}

/// Pipes and sockets are no files to read: opening one would wait for ever.
#[cfg(unix)]
#[test]
fn pipes_are_passed_over() {
    let root = tree(&[
        ("boundaries.yaml", TWO),
        ("orders/a.py", "q('select * from books')\n"),
    ]);
    let made = std::process::Command::new("mkfifo")
        .arg(root.path().join("orders/b.py"))
        .status()
        .expect("mkfifo");
    assert!(made.success());
    std::os::unix::fs::symlink("/nowhere/at/all.py", root.path().join("orders/c.py"))
        .expect("a link");
    let _socket =
        std::os::unix::net::UnixListener::bind(root.path().join("orders/d.py")).expect("a socket");
    assert_eq!(checked(root.path()).findings.len(), 1);
}

#[test]
fn ignored_files_are_passed_over() {
    let root = tree(&[
        ("boundaries.yaml", TWO),
        (".gitignore", "build/\n"),
        ("orders/build/a.py", "q('select * from books')\n"),
        ("orders/node_modules/a.js", "q('select * from books')\n"),
        ("orders/a_test.py", "q('select * from books')\n"),
    ]);
    assert!(checked(root.path()).findings.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Pieces of code in any order and language are read to the end.
    #[test]
    fn any_code_is_read(pieces in prop::collection::vec(prop::sample::select(vec![
        "select * from books b", "'", "\"", "`", "\"\"\"", "'''", "${", "}", "#{", "{", "(", ")", "[", "+", "=", "+=",
        "\\", "\n", "<<~SQL", "SQL", "<<<X", "f\"", "$@\"", "r#\"", "\"#", "//", "/*", "*/", "#", "class A", "def f",
        "import x from", "from a import b", "é", "\u{e000}", "@Entity", "append(", ".", "::", "->", "%q(", "extends",
        "Table(", "ForeignKey(", "<select>", "</select>", "<include refid=\"a\"/>", "<![CDATA[", "&lt;", "--",
    ]), 0..60)) {
        let text = pieces.concat();
        let names = ["a.ts", "a.py", "a.java", "a.kt", "a.go", "a.cs", "a.rb", "a.php", "a.rs", "a.sql", "a.prisma", "a.xml"];
        let paths: Vec<String> = names.iter().map(|name| format!("orders/{name}")).collect();
        let mut files: Vec<(&str, &str)> = paths.iter().map(|path| (path.as_str(), text.as_str())).collect();
        files.push(("boundaries.yaml", TWO));
        let root = tree(&files);
        prop_assert!(checked(root.path()).counts.files >= names.len());
    }
}
