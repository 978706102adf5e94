//! Inputs that nobody wrote, for the splitter, the reader of statements, and the reading of code.
//!
//! Owns the mutations and the bounds: no input may stop a check, take more than its time, or make
//! it name a place that is not there. A run is told by its seed; an input that fails is written
//! to the temporary folder. How long: `FREEHOLD_FUZZ_SECONDS` for each of the three, else
//! twenty seconds in CI and one elsewhere.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use freehold_sql::{Dialect, split, uses};

use crate::gather::text_of;
use crate::language::Language;
use crate::prefilter::Prefilter;
use crate::scan;

/// Longer inputs say nothing that shorter ones do not, and take longer.
const LONGEST: usize = 24_000;
/// What none of them may take, by far: the build is not optimized, and the machine may be busy.
const HANGS: Duration = Duration::from_secs(20);

/// What code and SQL are made of, and what breaks readers of them.
const PIECES: &[&str] = &[
    "'",
    "\"",
    "`",
    "\"\"\"",
    "'''",
    "$$",
    "$a$",
    "$",
    "${",
    "#{",
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    "<<~SQL\n",
    "<<<X\n",
    "X;\n",
    "SQL\n",
    "f\"",
    "$@\"",
    "@\"",
    "r#\"",
    "\"#",
    "q'[",
    "]'",
    "N'",
    "E'",
    "\\",
    "\\u{",
    "\\x",
    "\n",
    "\r\n",
    "\t",
    "\0",
    "\u{feff}",
    "\u{e000}",
    "é",
    "𝄞",
    "//",
    "/*",
    "*/",
    "--",
    "#",
    "/*!40000 ",
    ";",
    "\nGO\n",
    "\n/\n",
    "DELIMITER //\n",
    "//\n",
    "+",
    "+=",
    "=",
    ".",
    "::",
    "->",
    "=>",
    ",",
    "?",
    ":x",
    "%s",
    "{{",
    "}}",
    "<![CDATA[",
    "]]>",
    "&lt;",
    "<include refid=\"a\"/>",
    "</select>",
    "select ",
    "from ",
    "join ",
    "with recursive x as (",
    "insert into ",
    "update ",
    "delete from ",
    "merge into ",
    "using ",
    " when matched then ",
    "create table ",
    "create view ",
    "create function f() returns int as ",
    "begin ",
    "end;",
    "declare ",
    "language plpgsql",
    "references ",
    "alter table ",
    "execute immediate ",
    "lateral ",
    "union all ",
    "exists (",
    "case when ",
    "copy x from stdin;\n",
    "\\.\n",
    "use x;\n",
    "set search_path = ",
    "class A extends Model ",
    "@Entity ",
    "@Query(",
    "def f(self):\n",
    "function f() ",
    "import x from ",
    "append(",
    "Table(",
    "ForeignKey(",
    "knex('",
    "%q(",
    "=begin\n",
    "=end\n",
    "orders",
    "customers",
    "public.orders o",
    "[dbo].[orders]",
    "`a`.`b`",
    "a@link",
];

/// The same numbers for the same seed: xorshift64* (Vigna).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap_or(0) % limit.max(1)
    }

    fn pick<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[self.below(list.len())]
    }
}

/// Examples and tests of this repository that hold code or SQL.
fn seeds() -> Vec<(PathBuf, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut seeds: Vec<(PathBuf, Vec<u8>)> = ["examples", "crates/boundary", "crates/sql", "docs"]
        .iter()
        .flat_map(|folder| ignore::Walk::new(root.join(folder)).flatten())
        .filter(|file| file.file_type().is_some_and(|kind| kind.is_file()))
        .filter_map(|file| Some((file.path().to_path_buf(), std::fs::read(file.path()).ok()?)))
        .collect();
    seeds.sort();
    seeds
}

fn mutated(dice: &mut Dice, seeds: &[(PathBuf, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = part(dice, seeds);
    for _ in 0..=dice.below(12) {
        let at = dice.below(bytes.len() + 1);
        let to = (at + dice.below(40)).min(bytes.len());
        match dice.below(9) {
            0..=2 => {
                let piece = dice.pick(PIECES).as_bytes().to_vec();
                bytes.splice(at..at, piece);
            }
            3 => drop(bytes.drain(at..to)),
            4 => {
                // Deep nesting, long runs.
                let piece = dice.pick(PIECES).repeat(1 + dice.below(3_000));
                bytes.splice(at..at, piece.into_bytes());
            }
            5 => {
                let other = part(dice, seeds);
                bytes.splice(at..at, other);
            }
            6 => bytes.truncate(at),
            7 if at < bytes.len() => bytes[at] ^= 1 << dice.below(8),
            _ => {
                let copy = bytes[at..to].to_vec();
                bytes.splice(at..at, copy);
            }
        }
        bytes.truncate(LONGEST);
    }
    bytes
}

fn part(dice: &mut Dice, seeds: &[(PathBuf, Vec<u8>)]) -> Vec<u8> {
    let (_, seed) = &seeds[dice.below(seeds.len())];
    let from = dice.below(seed.len());
    let to = (from + 1 + dice.below(3_000)).min(seed.len());
    seed[from.min(to)..to].to_vec()
}

/// Gives `target` inputs until the time is over.
fn run(name: &'static str, target: fn(&mut Dice, &[u8])) {
    let told = |name: &str| {
        std::env::var(name)
            .ok()
            .and_then(|own| own.parse::<u64>().ok())
    };
    let otherwise = if std::env::var_os("CI").is_some() {
        20
    } else {
        1
    };
    let time = Duration::from_secs(told("FREEHOLD_FUZZ_SECONDS").unwrap_or(otherwise));
    let seed = told("FREEHOLD_FUZZ_SEED").unwrap_or(0x0b0e_da27);
    let seeds = seeds();
    assert!(seeds.len() > 50, "there is nothing to begin with");
    let mut dice = Dice(seed.max(1));
    let begun = Instant::now();
    let (rounds, over) = (
        Arc::new(AtomicU64::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let file = std::env::temp_dir().join(format!("freehold-fuzz-{name}-{}", std::process::id()));
    let watch = guard(name, &rounds, &over, file.clone());
    // On a busy machine a second may be over before anything was tried.
    while begun.elapsed() < time || rounds.load(Ordering::Relaxed) < 11 {
        let input = mutated(&mut dice, &seeds);
        std::fs::write(&file, &input).expect("the input is kept");
        let state = dice.0;
        let done = catch_unwind(AssertUnwindSafe(|| target(&mut dice, &input)));
        assert!(
            done.is_ok(),
            "{name}: seed {seed}, state {state}: the input is {}",
            file.display()
        );
        rounds.fetch_add(1, Ordering::Relaxed);
    }
    over.store(true, Ordering::Relaxed);
    watch.join().expect("the guard");
    std::fs::remove_file(&file).expect("the last input");
}

/// Ends the process when one input takes too long: there is no other way out of a loop.
fn guard(
    name: &'static str,
    rounds: &Arc<AtomicU64>,
    over: &Arc<AtomicBool>,
    file: PathBuf,
) -> std::thread::JoinHandle<()> {
    let (rounds, over) = (Arc::clone(rounds), Arc::clone(over));
    std::thread::spawn(move || {
        let (mut last, mut since) = (0, Instant::now());
        while !over.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(50));
            let now = rounds.load(Ordering::Relaxed);
            if now != last {
                (last, since) = (now, Instant::now());
            }
            if since.elapsed() > HANGS {
                let why = format!("{name} hangs on {}\n", file.display());
                let _ = std::io::Write::write_all(&mut std::io::stderr(), why.as_bytes());
                std::process::exit(101);
            }
        }
    })
}

#[test]
fn any_text_is_split() {
    run("split", |dice, input| {
        let text = String::from_utf8_lossy(input);
        let dialect = Dialect::ALL[dice.below(Dialect::ALL.len())];
        let lines = text.split('\n').count();
        for statement in split(dialect, &text).unwrap_or_default() {
            assert!(
                (1..=lines).contains(&statement.line),
                "a line that is not there"
            );
            assert!(!statement.text.trim().is_empty(), "an empty statement");
        }
    });
}

#[test]
fn any_statement_is_read() {
    run("uses", |dice, input| {
        let text = String::from_utf8_lossy(input);
        let dialect = Dialect::ALL[dice.below(Dialect::ALL.len())];
        let found = uses(dialect, &text);
        for table in &found.tables {
            assert!(
                text.get(table.span.clone()).is_some(),
                "a span that is not there"
            );
            assert!(
                table
                    .container
                    .is_none_or(|own| own < found.containers.len())
            );
        }
        for gap in &found.unresolved {
            assert!(gap.span.end <= text.len() + 1, "a gap that is not there");
        }
    });
}

#[test]
fn any_code_is_read() {
    const NAMES: [&str; 13] = [
        "a.ts",
        "a.py",
        "a.java",
        "a.kt",
        "a.go",
        "a.cs",
        "a.rb",
        "a.php",
        "a.rs",
        "a.sql",
        "a.prisma",
        "a.xml",
        "models/b.py",
    ];
    run("code", |dice, input| {
        let path = Path::new(NAMES[dice.below(NAMES.len())]);
        let language = Language::of(path).expect("a language");
        let filter = Prefilter::new(["orders"].into_iter()).expect("few words");
        filter.wants(path, language, input);
        let text = text_of(input);
        let mut found = scan::scan(path, language, &text, None);
        scan::settle(&mut found, &text, language, &|name| {
            Some(format!("x_{name}"))
        });
        let lines = text.split('\n').count();
        for touch in found.queries.iter().flat_map(|query| &query.touches) {
            let spot = &touch.spot;
            assert!((1..=lines).contains(&spot.line), "a line that is not there");
            let line = text.split('\n').nth(spot.line - 1).unwrap_or("");
            assert!(
                spot.column <= line.chars().count() + 1,
                "a column that is not there"
            );
        }
    });
}
