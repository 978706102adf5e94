//! Which files are worth reading as code: a search over bytes, before any of them is decoded.
//!
//! Owns the words without which a file holds neither SQL nor a model, and what tells such a word
//! from prose and from what languages mean by it (`import x from 'y'`, `path.join(`). It may let
//! too much pass and never too little: each statement and model has a word that no rule rejects.
//! A test holds it against reading everything.

use std::path::Path;

use freehold_model::Fault;

use crate::language::Language;
use crate::search::Search;

/// A search for the words of SQL, of mappers, and of the tables that somebody owns.
#[derive(Debug)]
pub(crate) struct Prefilter {
    words: Search,
}

/// When a word counts.
type Rule = fn(&Place) -> bool;

const WORDS: &[(&str, Rule)] = &[
    ("from ", comes_from),
    ("from\n", comes_from),
    ("from\r", comes_from),
    ("from\t", comes_from),
    ("from\"", in_code),
    ("from'", comes_from),
    ("from`", in_code),
    ("from\\", in_code),
    ("from[", in_code),
    (".from(", takes_table),
    ("join ", joins),
    ("join\n", joins),
    ("join(", takes_table),
    ("insert into", always),
    ("insert overwrite", always),
    ("replace into", always),
    ("update ", updates),
    ("update\n", updates),
    ("merge ", verb),
    ("truncate", truncates),
    ("create ", defines),
    ("alter ", defines),
    ("drop ", defines),
    ("references", statement),
    ("into(", takes_table),
    ("table(", takes_table),
    ("selectfrom(", always),
    ("deletefrom(", always),
    ("updatetable(", always),
    ("foreign_key", always),
    ("foreignkey", always),
    ("@entity", always),
    ("@viewentity", always),
    ("@table", always),
    ("tablename", always),
    ("table_name", always),
    ("$table", always),
    ("models.model", always),
    ("db.model", whole),
    ("applicationrecord", always),
    ("activerecord", always),
    ("extends model", always),
    ("extends authenticatable", always),
    ("extends pivot", always),
    ("table!", always),
    ("knex", in_script),
    ("transactional", no_remark),
    ("transaction(", no_remark),
    ("transactionasync(", no_remark),
    ("transactionscope", no_remark),
    ("transaction do", no_remark),
    (".atomic", in_python),
    ("begintx", no_remark),
    (".begin(", no_remark),
    (".objects.", no_remark),
    ("image:", in_yaml),
    ("repository:", in_yaml),
    ("addforeignkey", always),
    ("restcontroller", no_remark),
    ("[apicontroller", in_csharp),
    ("@controller(", always),
    ("unique:", in_php),
    ("exists:", in_php),
    ("class ", names_repository),
    ("interface ", names_repository),
    ("repository<", always),
    ("repository <", always),
    ("dao<", always),
    ("sequelize", in_script),
    ("jooq", in_jvm),
    ("::table", in_rust),
    (".include(", in_csharp),
    ("context.", in_csharp),
    ("db.", in_sets),
    ("ctx.", in_sets),
    (".joins", in_ruby),
    (".left_joins", in_ruby),
    (".includes", in_ruby),
    (".preload", in_ruby),
    (".eager_load", in_ruby),
    ("::with", in_php),
    ("::has", in_php),
    ("wherehas", in_php),
    ("relations:", in_script),
    ("joinedload", in_python),
    ("selectinload", in_python),
    ("subqueryload", in_python),
    ("contains_eager", in_python),
    ("sqlalchemy", in_python),
    ("dbset", in_csharp),
    ("totable", always),
    ("toview", always),
    ("entitytypebuilder", in_csharp),
    ("entitytypeconfiguration", in_csharp),
    ("sea_orm", in_rust),
    ("diesel", in_rust),
    ("gorm", in_go),
    ("__table", always),
    ("db_table", always),
    ("prisma", always),
    ("orm\\", always),
    ("[table(", always),
    ("table=true", always),
    ("belongsto", always),
    ("hasmany", always),
    ("hasone", always),
    ("belongs_to", whole),
    ("has_many", whole),
    ("has_one", whole),
    ("create_table", always),
    ("add_column", always),
    ("schema::", always),
    ("manytoone", always),
    ("onetomany", always),
    ("onetoone", always),
    ("manytomany", always),
    ("relationship(", always),
];

impl Prefilter {
    /// `tables` are names that texts may hold alone, in quotes: constants for other files.
    pub(crate) fn new<'a>(tables: impl Iterator<Item = &'a str>) -> Result<Self, Vec<Fault>> {
        // With the quote behind them only: the one before is looked at when the rest is there.
        let quoted: Vec<String> = tables
            .flat_map(|word| ["\"", "'", "`"].map(|quote| format!("{word}{quote}")))
            .collect();
        let words: Vec<&str> = WORDS
            .iter()
            .map(|(word, _)| *word)
            .chain(quoted.iter().map(String::as_str))
            .collect();
        Search::new(&words, true)
            .map(|words| Self { words })
            .map_err(|error| {
                vec![Fault::new(
                    "FH2203",
                    format!("there are too many tables to look for: {error}"),
                )]
            })
    }

    /// Has the file to be read as code?
    pub(crate) fn wants(&self, path: &Path, language: Language, bytes: &[u8]) -> bool {
        if matches!(language, Language::Sql | Language::Prisma) || holds_models(path) {
            return true;
        }
        // UTF-16: every other byte is none of ASCII.
        if matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) {
            return true;
        }
        self.words.any(bytes, &mut |found| {
            let place = Place {
                language,
                bytes,
                start: found.start,
                end: found.end,
            };
            WORDS
                .get(found.word)
                .map_or(quoted as Rule, |(_, rule)| *rule)(&place)
        })
    }
}

/// Is this where frameworks have their models?
pub(crate) fn holds_models(path: &Path) -> bool {
    path.components().any(|part| {
        let part = part.as_os_str().as_encoded_bytes();
        let begins = |with: &[u8]| {
            part.get(..with.len())
                .is_some_and(|own| own.eq_ignore_ascii_case(with))
        };
        begins(b"model") || begins(b"entit")
    })
}

/// A word where it was found.
struct Place<'a> {
    language: Language,
    bytes: &'a [u8],
    start: usize,
    end: usize,
}

impl<'a> Place<'a> {
    fn before(&self) -> u8 {
        match self.start.checked_sub(1) {
            Some(at) => self.bytes[at],
            None => b'\n',
        }
    }

    /// What of the line stands before the word.
    fn line_before(&self) -> &'a [u8] {
        // A line of a minified file is as good as its last part.
        let from = self.start.saturating_sub(300);
        let line = &self.bytes[from..self.start];
        let begins = line
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |i| i + 1);
        line[begins..].trim_ascii_start()
    }

    /// What follows, past blanks and line ends.
    fn behind(&self) -> &'a [u8] {
        let to = self.bytes.len().min(self.end + 120);
        self.bytes[self.end..to].trim_ascii_start()
    }

    /// The word that follows; empty if something else does.
    fn next_word(&self) -> &'a [u8] {
        let behind = self.behind();
        let length = behind.iter().take_while(|byte| is_word(**byte)).count();
        &behind[..length]
    }

    /// The rest of the text near the place.
    fn rest(&self, bytes: usize) -> &'a [u8] {
        &self.bytes[self.end..self.bytes.len().min(self.end + bytes)]
    }

    /// Is the file one of settings, where a statement is a value and never a part of one?
    fn in_settings(&self) -> bool {
        matches!(self.language, Language::Yaml | Language::Properties)
    }

    /// Does a word that has a FROM behind it stand before?
    fn behind_query(&self) -> bool {
        let before = &self.bytes[self.start.saturating_sub(3_000)..self.start];
        before.windows(6).any(|word| {
            word.eq_ignore_ascii_case(b"select")
                || word.eq_ignore_ascii_case(b"delete")
                || word[..4].eq_ignore_ascii_case(b"copy")
                || word.eq_ignore_ascii_case(b"revoke")
        })
    }

    fn begins_word(&self) -> bool {
        !is_word(self.before())
    }

    fn ends_within(&self) -> bool {
        self.bytes.get(self.end).is_some_and(|byte| is_word(*byte))
    }

    /// Is it in a remark? Where a text of SQL may look the same, the answer is no.
    fn in_remark(&self) -> bool {
        let line = self.line_before();
        let slashes = self.language.slash_comments();
        if slashes && (line.starts_with(b"//") || line.starts_with(b"/*")) {
            return true;
        }
        if self.language.hash_comments() && line.starts_with(b"#") && !line.starts_with(b"#[") {
            return true;
        }
        // ` * Reads orders from the cache` within `/** … */`; `* from x` and `*, y from x` are SQL.
        // A line `* y, z from x` is a product within a statement, whose verb stands above.
        if slashes
            && line.starts_with(b"* ")
            && line
                .get(2)
                .is_some_and(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'@' | b'{'))
        {
            return true;
        }
        slashes && behind_slashes(line)
    }

    /// Is the next word one of those that English has before a noun, and SQL never before a table?
    fn is_prose(&self) -> bool {
        matches!(
            self.next_word(),
            b"the"
                | b"a"
                | b"an"
                | b"this"
                | b"that"
                | b"these"
                | b"those"
                | b"its"
                | b"our"
                | b"your"
                | b"their"
                | b"my"
                | b"to"
                | b"of"
                | b"in"
                | b"it"
                | b"is"
                | b"are"
                | b"be"
                | b"for"
                | b"with"
                | b"and"
                | b"or"
                | b"if"
                | b"when"
                | b"which"
                | b"one"
                | b"scratch"
                | b"here"
                | b"there"
                | b"now"
        )
    }
}

/// `code(); // a remark`: two slashes that no colon stands before, outside of quotes.
fn behind_slashes(line: &[u8]) -> bool {
    let mut quote = None;
    let mut at = 0;
    while at < line.len() {
        let byte = line[at];
        match quote {
            Some(open) => {
                if byte == b'\\' {
                    at += 1;
                } else if byte == open {
                    quote = None;
                }
            }
            None if matches!(byte, b'"' | b'\'' | b'`') => quote = Some(byte),
            None if byte == b'/'
                && line.get(at + 1) == Some(&b'/')
                && at.checked_sub(1).is_none_or(|own| line[own] != b':') =>
            {
                return true;
            }
            None => {}
        }
        at += 1;
    }
    false
}

/// A table's name alone between quotes, of which the word holds the second.
fn quoted(place: &Place) -> bool {
    place.before() == place.bytes[place.end - 1]
}

fn always(_: &Place) -> bool {
    true
}

fn in_python(place: &Place) -> bool {
    place.language == Language::Python
}

fn in_php(place: &Place) -> bool {
    place.language == Language::Php
}

fn in_go(place: &Place) -> bool {
    place.language == Language::Go
}

fn in_rust(place: &Place) -> bool {
    place.language == Language::Rust
}

fn in_jvm(place: &Place) -> bool {
    matches!(place.language, Language::Java | Language::Kotlin)
}

fn in_ruby(place: &Place) -> bool {
    place.language == Language::Ruby
}

/// `db.Customers`
fn in_sets(place: &Place) -> bool {
    let next = place.bytes.get(place.end);
    in_csharp(place) && next.is_some_and(u8::is_ascii_uppercase)
}

fn in_script(place: &Place) -> bool {
    place.language == Language::Script
}

fn in_csharp(place: &Place) -> bool {
    place.language == Language::CSharp
}

fn in_yaml(place: &Place) -> bool {
    place.language == Language::Yaml
}

fn no_remark(place: &Place) -> bool {
    !place.in_remark()
}

fn in_code(place: &Place) -> bool {
    place.begins_word() && !place.in_remark()
}

fn verb(place: &Place) -> bool {
    // `@DELETE` is a route.
    place.begins_word() && place.before() != b'@' && !place.in_remark() && !place.is_prose()
}

/// `class OrderRepository`, and PHP's contracts, which are named like models.
fn names_repository(place: &Place) -> bool {
    let name = place.next_word();
    place.begins_word()
        && (name.ends_with(b"Repository")
            || name.ends_with(b"Dao")
            || name.ends_with(b"DAO")
            || place.language == Language::Php && place.bytes[place.start] == b'i')
}

/// The whole of a name.
fn whole(place: &Place) -> bool {
    place.begins_word() && !place.ends_within()
}

/// A word of a statement, not the name of something: `"references": [`, `x.truncate`.
fn statement(place: &Place) -> bool {
    let next = place.bytes.get(place.end);
    !place.ends_within()
        && !matches!(next, Some(b'"' | b'\'' | b'`' | b'.' | b'/' | b')'))
        && verb(place)
}

/// An UPDATE without SET is none.
fn updates(place: &Place) -> bool {
    let sets = || {
        let rest = place.rest(1_500);
        rest.windows(3).enumerate().any(|(at, word)| {
            word.eq_ignore_ascii_case(b"set")
                && at.checked_sub(1).is_none_or(|own| !is_word(rest[own]))
                && rest.get(at + 3).is_none_or(|own| !is_word(*own))
        })
    };
    verb(place) && sets()
}

/// TRUNCATE has few words; a sentence has more.
fn truncates(place: &Place) -> bool {
    let sentence = || {
        let rest = place.rest(200);
        let end = rest
            .iter()
            .position(|byte| matches!(byte, b'"' | b'\'' | b'`' | b';' | b'\n'));
        let words = rest[..end.unwrap_or(rest.len())]
            .split(u8::is_ascii_whitespace)
            .filter(|word| !word.is_empty())
            .count();
        !place.next_word().eq_ignore_ascii_case(b"table") && words > 4
    };
    statement(place) && !sentence()
}

/// `from` of a statement, not of an import.
fn comes_from(place: &Place) -> bool {
    if !place.begins_word() || place.is_prose() {
        return false;
    }
    let line = place.line_before();
    let rest = place.rest(300);
    let rest = rest.split(|byte| *byte == b'\n').next().unwrap_or(rest);
    let imports = match place.language {
        Language::Python => line.is_empty() && holds(rest, b"import"),
        Language::Script => {
            // `from './x'`; behind `from '` of a statement that goes on stands no name.
            let named = |behind: &[u8]| {
                behind.first().is_some_and(|byte| {
                    is_word(*byte) || matches!(byte, b'.' | b'@' | b'/' | b'~' | b'#' | b'$')
                })
            };
            let behind = place.behind();
            let quoted = place.bytes[place.end - 1] == b'\'' && named(rest)
                || matches!(behind.first(), Some(b'\'' | b'"')) && named(&behind[1..]);
            quoted
                && (line.is_empty()
                    || line.starts_with(b"}")
                    || line.starts_with(b"import")
                    || line.starts_with(b"export")
                    || line.starts_with(b"* as "))
        }
        _ => false,
    };
    !imports
        && !place.in_remark()
        && !ends_sentence(line)
        && (!place.in_settings() || place.behind_query())
}

/// Is this the beginning of a sentence, not of columns: several plain words in a row?
fn ends_sentence(line: &[u8]) -> bool {
    const COLUMNS: [&str; 14] = [
        "select", "distinct", "delete", "as", "end", "null", "true", "false", "all", "top", "is",
        "not", "unique", "current",
    ];
    let text = line
        .iter()
        .rposition(|byte| matches!(byte, b'"' | b'`' | b'\''))
        .map_or(line, |quote| &line[quote + 1..]);
    let mut words = 0;
    for word in text.split(u8::is_ascii_whitespace) {
        if word.is_empty() {
            continue;
        }
        let plain = word.iter().all(u8::is_ascii_alphabetic);
        if !plain
            || COLUMNS
                .iter()
                .any(|own| word.eq_ignore_ascii_case(own.as_bytes()))
        {
            return false;
        }
        words += 1;
    }
    words > 2
}

fn joins(place: &Place) -> bool {
    // `leftJoin`, `LEFT OUTER JOIN`, `.join `: only a word of its own. A setting holds whole
    // statements, which have another word.
    place.before() != b'.' && !place.in_settings() && verb(place)
}

/// `create table`, `drop view`, `create" + kind`: followed by what has to do with a table.
fn defines(place: &Place) -> bool {
    const MADE: &[&str] = &[
        "table",
        "view",
        "or",
        "index",
        "unique",
        "clustered",
        "nonclustered",
        "function",
        "procedure",
        "proc",
        "trigger",
        "materialized",
        "policy",
        "temp",
        "temporary",
        "global",
        "local",
        "unlogged",
        "foreign",
        "external",
        "rule",
        "synonym",
        "package",
        "column",
        "constraint",
        "definer",
        "algorithm",
        "sql",
        "force",
        "editionable",
        "noneditionable",
        "if",
        "virtual",
        "recursive",
        "fulltext",
        "spatial",
        "bitmap",
        "private",
        "public",
        "aggregate",
    ];
    if !place.begins_word() || place.in_remark() {
        return false;
    }
    let next = place.next_word();
    next.is_empty()
        || MADE
            .iter()
            .any(|own| next.eq_ignore_ascii_case(own.as_bytes()))
}

/// A call that may name a table: its argument is a text, a class or an expression of such.
fn takes_table(place: &Place) -> bool {
    let behind = place.behind();
    let named = match behind.first() {
        Some(b'"' | b'\'' | b'`') => behind
            .get(1)
            .is_some_and(|byte| is_word(*byte) || matches!(byte, b'"' | b'\'' | b'[' | b'`')),
        Some(b')') | None => false,
        // `table(Names.ORDERS)`, `join(CUSTOMERS, …)`, `Table(x, …)`, `"…", args`.
        Some(byte) => {
            byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'$' | b'(' | b'@' | b'&')
        }
    };
    if !named {
        return false;
    }
    let dot = if place.bytes[place.start] == b'.' {
        place.start
    } else {
        match place.start.checked_sub(1) {
            Some(before) if place.bytes[before] == b'.' => before,
            _ => return true,
        }
    };
    let receiver = place.bytes[..dot]
        .iter()
        .rposition(|byte| !is_word(*byte))
        .map_or(&place.bytes[..dot], |i| &place.bytes[i + 1..dot]);
    // `', '.join(names)`, `[..].join(x)`
    if receiver.is_empty() && matches!(place.bytes[..dot].last(), Some(b'"' | b'\'' | b']')) {
        return false;
    }
    !NO_TABLES
        .iter()
        .any(|own| receiver.eq_ignore_ascii_case(own.as_bytes()))
}

/// What joins and makes other things than tables.
const NO_TABLES: &[&str] = &[
    "path",
    "paths",
    "os",
    "strings",
    "string",
    "posix",
    "url",
    "filepath",
    "array",
    "buffer",
    "object",
    "date",
    "set",
    "map",
    "list",
    "uint8array",
    "console",
    "bytes",
    "stream",
    "file",
    "files",
    "duration",
    "instant",
];

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

fn holds(text: &[u8], what: &[u8]) -> bool {
    text.windows(what.len()).any(|own| own == what)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::scan;

    #[track_caller]
    fn wants(name: &str, text: &str) -> bool {
        let filter = Prefilter::new(["customers"].into_iter()).expect("few words");
        let path = Path::new(name);
        let language = Language::of(path).expect("a language");
        filter.wants(path, language, text.as_bytes())
    }

    #[test]
    fn imports_prose_and_paths_are_passed_over() {
        for (name, text) in [
            (
                "a.ts",
                "import { a } from './a';\nimport b from \"b\";\n} from 'c';\nexport * from 'd';\n",
            ),
            (
                "a.ts",
                "// selects from customers\nconst x = y; // update orders\n",
            ),
            (
                "a.ts",
                "/**\n * Reads orders, then rows from customers\n * @param x where it is from\n */\n",
            ),
            (
                "a.ts",
                "path.join('src', 'x'); [1].join(','); names.join(', '); Array.from(x);",
            ),
            (
                "a.py",
                "from a.b import c\nfrom . import d\nx = ', '.join(names)\nos.path.join('a', b)\n",
            ),
            (
                "a.py",
                "# update customers\n'''Takes it from the cache.'''\n",
            ),
            (
                "a.go",
                "select {\ncase <-done:\n}\nstrings.Join(names, \", \")\n",
            ),
            ("a.rs", "let x: String = y.into();\n// create a table\n"),
            (
                "a.java",
                "log.info(\"Failed to create order\");\nselectedItem.selector();\n",
            ),
        ] {
            assert!(!wants(name, text), "{name}: {text}");
        }
    }

    #[test]
    fn statements_and_models_are_read() {
        for (name, text) in [
            ("a.ts", "q(`select *\nfrom x`)"),
            ("a.ts", "q('DELETE FROM \"x\"')"),
            ("a.ts", "const from = ' from ' + table"),
            ("a.ts", "qb.from('orders')"),
            ("a.ts", "qb.leftJoin(\"books\", x)"),
            ("a.ts", "export const NAME = 'customers';"),
            ("a.py", "x = '''\nfrom customers c\n'''"),
            ("a.py", "q('update x set y = 1')"),
            ("a.py", "t = Table('orders', meta)"),
            ("a.java", "sql.append(\"* from m_client\");"),
            ("a.java", "jdbc.execute(\"create  table x (id int)\");"),
            ("a.kt", "interface R : JpaRepository<Customer, Long>"),
            ("models/a.py", "class Paid(Order): pass"),
            ("a.php", "class A extends Model { protected $table = 'x'; }"),
        ] {
            assert!(wants(name, text), "{name}: {text}");
        }
    }

    /// Reads everything, and demands that what the filter passes over says nothing. The long form
    /// takes a folder of anybody's code: `FREEHOLD_TREE=… cargo test -p freehold-boundary passed_over`.
    #[test]
    fn what_is_passed_over_says_nothing() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut folders = vec![here.join("../../examples"), here.join("tests")];
        folders.extend(std::env::var_os("FREEHOLD_TREE").map(PathBuf::from));
        let filter = Prefilter::new(std::iter::empty()).expect("few words");
        let (mut lost, mut passed, mut wanted, mut useful) = (Vec::new(), 0, 0, 0);
        for folder in folders {
            for file in ignore::Walk::new(folder).flatten() {
                let path = file.path();
                let (Some(language), Ok(text)) =
                    (Language::of(path), std::fs::read_to_string(path))
                else {
                    continue;
                };
                let found = scan::scan(path, language, &text, None);
                let says = !found.queries.is_empty()
                    || !found.gaps.is_empty()
                    || !found.pending.is_empty()
                    || !found.models.repositories.is_empty()
                    || found.models.classes.iter().any(|own| own.bases.is_empty());
                let wants = filter.wants(path, language, text.as_bytes());
                passed += text.len() * usize::from(!wants);
                wanted += text.len() * usize::from(wants);
                useful += text.len() * usize::from(says);
                if says && !wants {
                    lost.push(path.to_path_buf());
                }
            }
        }
        assert!(
            lost.is_empty(),
            "passed over {passed} bytes, read {wanted}, of which {useful} say something; lost: {lost:#?}"
        );
    }
}
