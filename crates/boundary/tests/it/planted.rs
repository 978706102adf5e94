//! Systems made by a generator that knows the truth: a clean one has no finding, a dirty one
//! exactly those that were planted; and edits that are none of a finding's business leave its mark.
//!
//! `FREEHOLD_PROVE=1` makes a thousand edits instead of a hundred.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use freehold_boundary::Baseline;

use super::checked;

const CONTEXTS: [(&str, [&str; 2]); 3] = [
    ("orders", ["orders", "order_items"]),
    ("customers", ["customers", "addresses"]),
    ("books", ["books", "authors"]),
];

/// Numbers that look random and are the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or(0) % limit
    }

    fn of<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[self.below(list.len())]
    }
}

fn boundaries() -> String {
    let contexts = CONTEXTS.map(|(name, tables)| {
        format!(
            "  {name}: {{ tables: [{}], code: [{name}/**] }}\n",
            tables.join(", ")
        )
    });
    format!("contexts:\n{}", contexts.join(""))
}

/// A statement over `own`, and over `other` if there is one, in pieces that may stand on lines of
/// their own.
fn statement(dice: &mut Dice, own: &str, other: Option<&str>) -> Vec<String> {
    let Some(other) = other else {
        let texts = [
            format!("select a.id from {own} a|where a.total > 1"),
            format!("insert into {own} (id, total)|values (1, 2)"),
            format!(
                "with customers as (select id from {own})|select c.id from customers c where c.id > 1"
            ),
            format!("update {own} set kind = 'books' where id = 1"),
        ];
        return pieces(&texts[dice.below(texts.len())]);
    };
    let texts = [
        format!("select a.id from {own} a|join {other} b on b.id = a.other_id|where a.id > 1"),
        format!("select a.id from {own} a|where a.id in (select id from {other} where id = 1)"),
        format!("update {other} set total = 1|where id = 1"),
        format!("select a.id from {own} a,|{other} b where b.id = a.id"),
        format!("delete from {other} where id = 1"),
    ];
    pieces(&texts[dice.below(texts.len())])
}

fn pieces(text: &str) -> Vec<String> {
    text.split('|').map(str::to_owned).collect()
}

/// The statement as a function of a program: extension and text.
fn function(dice: &mut Dice, name: &str, pieces: &[String]) -> (&'static str, String) {
    let lines = pieces.join("\n    ");
    let flat = pieces.join(" ");
    let joined = |quote: &str, by: &str| {
        let parts: Vec<String> = pieces
            .iter()
            .map(|own| format!("{quote}{own} {quote}"))
            .collect();
        parts.join(by)
    };
    match dice.below(7) {
        0 => (
            "ts",
            format!("export function {name}(db) {{\n  return db.query(`\n    {lines}\n  `);\n}}\n"),
        ),
        1 => (
            "js",
            format!(
                "function {name}(db) {{\n  const sql = {};\n  return db.query(sql);\n}}\n",
                joined("\"", " +\n    ")
            ),
        ),
        2 => (
            "py",
            format!("def {name}(db):\n    return db.execute(\"\"\"\n    {lines}\n    \"\"\")\n"),
        ),
        3 => (
            "py",
            format!(
                "def {name}(db):\n    return db.execute(\n        {}\n    )\n",
                joined("\"", "\n        ")
            ),
        ),
        4 => (
            "java",
            format!(
                "class C{name} {{\n  void {name}() {{\n    StringBuilder sql = new StringBuilder();\n    {}\n    jdbc.update(sql.toString());\n  }}\n}}\n",
                pieces
                    .iter()
                    .map(|own| format!("sql.append(\"{own} \");"))
                    .collect::<Vec<_>>()
                    .join("\n    ")
            ),
        ),
        5 => (
            "go",
            format!("package x\n\nfunc {name}(db *sql.DB) {{\n\tdb.Query(`{lines}`)\n}}\n"),
        ),
        _ => (
            "cs",
            format!(
                "class C{name} {{\n  void {name}(IDbConnection db) {{\n    db.Execute(\"{flat}\");\n  }}\n}}\n"
            ),
        ),
    }
}

/// Files of a system, and how often each context touches each table of others in each file.
fn system(dice: &mut Dice, planted: usize) -> (Vec<(String, String)>, BTreeMap<String, usize>) {
    let mut files = vec![("boundaries.yaml".to_owned(), boundaries())];
    let mut truth = BTreeMap::new();
    for i in 0..12 + planted {
        let here = dice.below(CONTEXTS.len());
        let (context, tables) = CONTEXTS[here];
        let own = dice.of(&tables);
        let other = (i >= 12).then(|| {
            let (_, tables) = CONTEXTS[(here + 1 + dice.below(2)) % CONTEXTS.len()];
            dice.of(&tables)
        });
        let statement = statement(dice, own, other);
        let (extension, text) = function(dice, &format!("f{i}"), &statement);
        let path = format!("{context}/f{i}.{extension}");
        if let Some(other) = other {
            truth.insert(format!("{path} {other}"), 1);
        }
        files.push((path, text));
    }
    (files, truth)
}

fn write(files: &[(String, String)]) -> tempfile::TempDir {
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    super::tree(&files)
}

fn found(root: &Path) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for own in checked(root).findings {
        *found
            .entry(format!("{} {}", own.file.display(), own.object))
            .or_default() += 1;
    }
    found
}

#[test]
fn clean_systems_are_clean_and_dirty_ones_have_what_was_planted() {
    for seed in 0..40 {
        let mut dice = Dice(seed);
        let (files, truth) = system(&mut dice, 0);
        assert_eq!(
            found(write(&files).path()),
            truth,
            "seed {seed}, clean: {files:#?}"
        );
        let (files, truth) = system(&mut dice, 8);
        let found = found(write(&files).path());
        assert_eq!(found, truth, "seed {seed}, dirty: {files:#?}");
    }
}

#[test]
fn edits_leave_the_marks_of_findings() {
    let rounds = if std::env::var_os("FREEHOLD_PROVE").is_some() {
        1_000
    } else {
        100
    };
    let mut dice = Dice(7);
    let (files, truth) = system(&mut dice, 10);
    let known = Baseline::of(&checked(write(&files).path()).findings, "2026-01-01");
    assert_eq!(known.known.len(), truth.len());
    for round in 0..rounds {
        let edited: Vec<(String, String)> = files
            .iter()
            .map(|(path, text)| edit(&mut dice, path, text))
            .collect();
        let root = write(&edited);
        let mut findings = checked(root.path()).findings;
        let compared = known.compare(&mut findings);
        assert_eq!(
            (compared.new, compared.stale.len()),
            (0, 0),
            "round {round}: {edited:#?}"
        );
    }
    // A crossing more is new, whatever is known.
    let root = write(&files);
    let extra = root.path().join("orders/more.sql");
    fs::write(extra, "select id from books;\n").expect("a file");
    let mut findings = checked(root.path()).findings;
    assert_eq!(known.compare(&mut findings).new, 1);
}

/// Reformats, renames or moves a file within its context; or leaves it.
fn edit(dice: &mut Dice, path: &str, text: &str) -> (String, String) {
    if path == "boundaries.yaml" {
        return (path.to_owned(), text.to_owned());
    }
    let (context, file) = path.split_once('/').expect("a context");
    match dice.below(6) {
        0 => (format!("{context}/deep/er/{file}"), text.to_owned()),
        1 => (format!("{context}/renamed_{file}"), text.to_owned()),
        2 => (path.to_owned(), text.replace('\n', "\n\n")),
        3 => (
            path.to_owned(),
            text.replace("select ", "SELECT  ")
                .replace(" where ", "  WHERE "),
        ),
        4 => {
            let remark = if file.ends_with("py") { "#" } else { "//" };
            (path.to_owned(), format!("{remark} a remark\n{text}"))
        }
        _ => (path.to_owned(), text.to_owned()),
    }
}
