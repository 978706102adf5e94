//! The lexer's own tests: tokens per dialect, that nothing makes it fail, that its time is linear.

use std::cell::Cell;

use proptest::prelude::*;

use super::{Lexer, TokenKind};
use crate::Dialect;
use TokenKind::{
    Delimiter, ExecutableEnd, ExecutableStart, Hint, Number, Parameter, QuotedName, Symbol, Text,
    Word,
};

thread_local! {
    static STEPS: Cell<usize> = const { Cell::new(0) };
}

/// Called for every byte that the lexer looks at.
pub(super) fn count_step() {
    STEPS.with(|steps| steps.set(steps.get() + 1));
}

fn tokens(dialect: Dialect, text: &str) -> Vec<(TokenKind, &str)> {
    Lexer::new(dialect, text)
        .filter(|token| !token.is_trivia())
        .map(|token| (token.kind, token.text(text)))
        .collect()
}

#[track_caller]
fn check(dialect: Dialect, text: &str, expect: &[(TokenKind, &str)]) {
    assert_eq!(tokens(dialect, text), expect, "{dialect}: {text}");
}

#[test]
fn quotes_end_where_each_dialect_ends_them() {
    use Dialect::{Mariadb, Mysql, Oracle, Postgres, Sqlite, Sqlserver};
    let one: &[(Dialect, TokenKind, &str)] = &[
        (Postgres, Text, r"'it''s \'"),
        (Postgres, Text, r"E'it\'s'"),
        (Postgres, Text, "e'a'\n  -- more\n 'b\\'c'"),
        (Postgres, Text, "U&'\\0061'"),
        (Postgres, QuotedName, "U&\"\\0061\""),
        (Postgres, Text, "B'01'"),
        (Postgres, Text, "$$ it's $1 $a$ $$"),
        (Postgres, Text, "$ä_1$ $$ ; $ä$ $ä_1$"),
        (Postgres, QuotedName, "\"a\"\"b\""),
        (Mysql, Text, r"'it\'s'"),
        (Mysql, Text, r#""it\"s""#),
        (Mysql, Text, "'it''s'"),
        (Mysql, QuotedName, r"`a\``b`"),
        (Mysql, Text, "X'00ff'"),
        (Mysql, Text, r"n'it\'s'"),
        (Mariadb, Text, "'\\\\'"),
        (Sqlite, Text, r"'\'"),
        (Sqlite, QuotedName, "[a b]"),
        (Sqlite, QuotedName, "`a``b`"),
        (Sqlite, QuotedName, "\"a\"\"b\""),
        (Sqlite, Text, "x'00ff'"),
        (Sqlserver, Text, r"N'it''s \'"),
        (Sqlserver, QuotedName, "[a]]b]"),
        (Oracle, Text, "q'[it's]'"),
        (Oracle, Text, "Nq'{it's}'"),
        (Oracle, Text, "q'!it's!'"),
        (Oracle, Text, "q'äit'sä'"),
        (Oracle, Text, r"'\'"),
    ];
    for (dialect, kind, text) in one {
        check(*dialect, text, &[(*kind, text)]);
    }
}

#[test]
fn a_prefix_counts_only_at_the_beginning_of_a_word() {
    check(
        Dialect::Postgres,
        r"type'\'",
        &[(Word, "type"), (Text, r"'\'")],
    );
    check(Dialect::Sqlite, r"e'\'", &[(Word, "e"), (Text, r"'\'")]);
    check(Dialect::Postgres, "a$b$c", &[(Word, "a$b$c")]);
    check(
        Dialect::Postgres,
        "$1+$2",
        &[(Parameter, "$1"), (Symbol, "+"), (Parameter, "$2")],
    );
}

#[test]
fn comments_are_told_from_what_looks_like_them() {
    use Dialect::{Mysql, Oracle, Postgres, Sqlite, Sqlserver};
    check(
        Postgres,
        "a /* /* */ ' */ b -- c\rd",
        &[(Word, "a"), (Word, "b"), (Word, "d")],
    );
    check(Sqlserver, "a /* /* */ ' */ b", &[(Word, "a"), (Word, "b")]);
    check(Sqlite, "a /* /* */ b", &[(Word, "a"), (Word, "b")]);
    check(
        Mysql,
        "5--1 -- x\n# y\n6",
        &[
            (Number, "5"),
            (Symbol, "-"),
            (Symbol, "-"),
            (Number, "1"),
            (Number, "6"),
        ],
    );
    check(Postgres, "5--1", &[(Number, "5")]);
    check(Oracle, "--+ full\na", &[(Hint, "--+ full"), (Word, "a")]);
    check(Mysql, "/*+ x */ a", &[(Hint, "/*+ x */"), (Word, "a")]);
}

#[test]
fn executable_comments_of_mysql_are_read() {
    let inside = [
        (ExecutableStart, "/*!50001"),
        (Word, "a"),
        (Text, "'*/'"),
        (ExecutableEnd, "*/"),
        (Word, "b"),
    ];
    check(Dialect::Mysql, "/*!50001 a /* c */ '*/' */ b", &inside);
    check(
        Dialect::Mariadb,
        "/*M!100100 a*/",
        &[
            (ExecutableStart, "/*M!100100"),
            (Word, "a"),
            (ExecutableEnd, "*/"),
        ],
    );
    check(Dialect::Mysql, "/*M!100100 a*/", &[]);
    check(Dialect::Postgres, "/*! a */", &[]);
    check(
        Dialect::Mariadb,
        "/*M!999999\\- enable the sandbox mode */",
        &[],
    );
}

#[test]
fn operators_do_not_depend_on_the_space_around_them() {
    check(
        Dialect::Postgres,
        "a=-1",
        &[(Word, "a"), (Symbol, "="), (Symbol, "-"), (Number, "1")],
    );
    check(
        Dialect::Postgres,
        "a@-b",
        &[(Word, "a"), (Symbol, "@-"), (Word, "b")],
    );
    check(
        Dialect::Postgres,
        "a->>b::c",
        &[
            (Word, "a"),
            (Symbol, "->>"),
            (Word, "b"),
            (Symbol, "::"),
            (Word, "c"),
        ],
    );
    check(
        Dialect::Postgres,
        "a*/*x*/b",
        &[(Word, "a"), (Symbol, "*"), (Word, "b")],
    );
    check(
        Dialect::Mysql,
        "a<=>-1",
        &[(Word, "a"), (Symbol, "<=>"), (Symbol, "-"), (Number, "1")],
    );
    check(
        Dialect::Oracle,
        "1..10",
        &[(Number, "1"), (Symbol, ".."), (Number, "10")],
    );
    check(Dialect::Sqlite, "1.5e-3", &[(Number, "1.5e-3")]);
    check(Dialect::Mysql, "1a 0x1F", &[(Word, "1a"), (Number, "0x1F")]);
}

#[test]
fn a_delimiter_is_found_wherever_it_stands_outside_quotes() {
    let text = "END$$ '$$' a$$";
    let mut lexer = Lexer::new(Dialect::Mysql, text);
    lexer.set_delimiter(Some("$$"));
    let found: Vec<_> = lexer
        .filter(|t| !t.is_trivia())
        .map(|t| (t.kind, t.text(text)))
        .collect();
    let expect = [
        (Word, "END"),
        (Delimiter, "$$"),
        (Text, "'$$'"),
        (Word, "a"),
        (Delimiter, "$$"),
    ];
    assert_eq!(found, expect);

    let text = "category go";
    let mut lexer = Lexer::new(Dialect::Mysql, text);
    lexer.set_delimiter(Some("go"));
    let kinds: Vec<_> = lexer.filter(|t| !t.is_trivia()).map(|t| t.kind).collect();
    assert_eq!(kinds, [Word, Delimiter]);
}

/// The steps per byte of texts that invite a second look at everything stay what they were when
/// the text is sixteen times as long.
#[test]
fn time_is_linear_in_the_text() {
    let seeds = [
        "SELECT a, 'b''c', \"d\" FROM t; -- x\n",
        "$a",
        "$a$",
        "$",
        "'",
        "\\'",
        "e'a'\n",
        "e'a'      ",
        "/*",
        "*/",
        "-- \n",
        "--",
        "+-",
        "@-",
        "q'[",
        "`",
        "[",
        "ä",
        "BEGIN END ",
        "CREATE TRIGGER t BEGIN CASE ; END ",
        "/*! a ",
        "((((",
        "GO\n",
        "/\n",
        "DELIMITER a\n",
        "COPY ",
        "a.",
        "1e",
    ];
    let steps = |dialect, text: &str| {
        STEPS.with(|steps| steps.set(0));
        for _ in Lexer::new(dialect, text) {}
        let _ = crate::split(dialect, text);
        STEPS.with(Cell::get)
    };
    for dialect in Dialect::ALL {
        for seed in seeds {
            let short = steps(dialect, &seed.repeat(300));
            let long = steps(dialect, &seed.repeat(4_800));
            // Twenty, for the edges; a square would make it 256.
            assert!(long <= short * 20, "{dialect}: {seed:?}: {short}, {long}");
        }
    }
}

proptest! {
    #[test]
    fn tokens_cover_any_text(text in any::<String>(), sql in "[-a-zEe0-9 '\"`\\[\\]$\\\\/*!+#;(){}<>=@.\nä😀]{0,60}") {
        for dialect in Dialect::ALL {
            for text in [&text, &sql] {
                let mut at = 0;
                for token in Lexer::new(dialect, text) {
                    prop_assert_eq!(token.start, at);
                    prop_assert!(token.end > token.start);
                    at = token.end;
                }
                prop_assert_eq!(at, text.len());
            }
        }
    }
}
