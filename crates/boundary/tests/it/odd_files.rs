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
        prop_assert_eq!(checked(root.path()).counts.files, names.len());
    }
}
