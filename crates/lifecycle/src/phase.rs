//! The two phases of a change that old and new programs live through together: expand, contract.
//!
//! Pure. An expand migration takes nothing away that a program which runs already may use, and asks
//! nothing new of it: what would is found in its statements and refused (FH1247). A contract
//! migration is held back until somebody says that the old programs are gone; which are, is decided
//! in `history`.

use freehold_model::{Fault, Migration, Phase};
use freehold_sql::Dialect;
use freehold_sql::lexer::{Lexer, TokenKind};

use crate::script::Line;

/// What in an expand migration's up would break a program that runs already.
pub(crate) fn faults(dialect: Dialect, file: &Migration, up: &[Line]) -> Vec<Fault> {
    if file.phase != Some(Phase::Expand) {
        return Vec::new();
    }
    let broken = up.iter().filter_map(|line| {
        let what = takes_away(dialect, &line.sql)?;
        let fault = Fault::new(
            "FH1247",
            format!("migration {} is of phase expand, and its statement {what}", file.id()),
        );
        Some(
            fault
                .at(line.place.clone())
                .help("programs of the version before run on while it is applied: only add in this phase")
                .help("move the statement into a later migration with `-- freehold: phase: contract`, or take the header out"),
        )
    });
    broken.collect()
}

/// What a statement takes from programs that run, in words. Read off its words alone, which is
/// enough for what is written plainly; dynamic SQL is not looked into.
fn takes_away(dialect: Dialect, sql: &str) -> Option<&'static str> {
    let words = words(dialect, sql);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let first = leading(&words);
    match first {
        ["TRUNCATE" | "DELETE", ..] => Some("removes rows"),
        ["RENAME", ..] => Some("renames a table"),
        ["DROP", kind, ..] if harmless(kind) => None,
        ["DROP", ..] => Some("drops what a program may use"),
        ["REVOKE", ..] => Some("takes a right away"),
        ["ALTER", "TABLE", rest @ ..] => altered(rest),
        ["ALTER", _, rest @ ..] if rest.contains(&"RENAME") => {
            Some("renames what a program may use")
        }
        _ => None,
    }
}

/// What may go without a program noticing it in its answers.
fn harmless(kind: &str) -> bool {
    ["INDEX", "TRIGGER", "RULE", "POLICY", "STATISTICS", "EVENT"].contains(&kind)
}

fn altered(words: &[&str]) -> Option<&'static str> {
    let follows = |word: &str, next: &[&str]| {
        let mut at = words.windows(next.len() + 1);
        at.any(|window| window[0] == word && &window[1..] == next)
    };
    let kept = [
        "CONSTRAINT",
        "DEFAULT",
        "NOT",
        "INDEX",
        "KEY",
        "FOREIGN",
        "PRIMARY",
        "CHECK",
        "EXPRESSION",
        "IDENTITY",
    ];
    let drops = words
        .windows(2)
        .any(|pair| pair[0] == "DROP" && !kept.contains(&pair[1]));
    if drops {
        return Some("drops a column");
    }
    let renames = words
        .windows(2)
        .any(|pair| pair[0] == "RENAME" && !["INDEX", "KEY", "CONSTRAINT"].contains(&pair[1]));
    if renames || words.contains(&"CHANGE") {
        return Some("renames what a program may use");
    }
    if words.contains(&"TYPE") || words.contains(&"MODIFY") {
        return Some("changes the type of a column");
    }
    if follows("SET", &["NOT", "NULL"]) {
        return Some("asks for a value that programs may leave out");
    }
    needs_a_value(words).then_some("adds a column that programs do not fill")
}

/// A column that is added as NOT NULL and without a default. Constraints, and what the server fills,
/// are none.
fn needs_a_value(words: &[&str]) -> bool {
    let fills = [
        "DEFAULT",
        "GENERATED",
        "AUTO_INCREMENT",
        "SERIAL",
        "BIGSERIAL",
        "AS",
    ];
    let columns = words.split(|word| *word == "ADD").skip(1);
    columns
        .filter(|column| {
            let constraint = [
                "CONSTRAINT",
                "CHECK",
                "PRIMARY",
                "UNIQUE",
                "FOREIGN",
                "INDEX",
                "KEY",
            ];
            !column.first().is_some_and(|word| constraint.contains(word))
        })
        .any(|column| {
            let not_null = column.windows(2).any(|pair| pair == ["NOT", "NULL"]);
            not_null && !column.iter().any(|word| fills.contains(word))
        })
}

/// Without a leading WITH or block: what decides is the first verb.
fn leading<'a, 'b>(words: &'a [&'b str]) -> &'a [&'b str] {
    if words.first() != Some(&"WITH") {
        return words;
    }
    let verbs = ["DELETE", "UPDATE", "INSERT", "SELECT", "MERGE"];
    let delete = words.iter().position(|word| *word == "DELETE");
    let verb = delete.or_else(|| words.iter().position(|word| verbs.contains(word)));
    verb.map_or(words, |at| &words[at..])
}

/// Bare words in upper case; a name in quotes is one too, so that it cannot be taken for a keyword.
fn words(dialect: Dialect, sql: &str) -> Vec<String> {
    let tokens = Lexer::new(dialect, sql);
    let words = tokens.filter_map(|token| match token.kind {
        TokenKind::Word => Some(token.text(sql).to_uppercase()),
        TokenKind::QuotedName => Some(format!("\"{}", token.text(sql))),
        _ => None,
    });
    words.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_adds_is_let_through() {
        for sql in [
            "CREATE TABLE a (id INT NOT NULL)",
            "ALTER TABLE a ADD COLUMN b INT",
            "ALTER TABLE a ADD COLUMN b INT NOT NULL DEFAULT 0",
            "ALTER TABLE a ADD COLUMN b INT GENERATED ALWAYS AS (c + 1) STORED NOT NULL",
            "ALTER TABLE a ADD CONSTRAINT c CHECK (b IS NOT NULL) NOT VALID",
            "ALTER TABLE a DROP CONSTRAINT c",
            "ALTER TABLE a ALTER COLUMN b DROP NOT NULL",
            "ALTER TABLE a ALTER COLUMN b DROP DEFAULT",
            "ALTER TABLE a DROP INDEX i",
            "ALTER TABLE a ADD COLUMN \"drop\" INT",
            "DROP INDEX i",
            "CREATE OR REPLACE VIEW v AS SELECT 1",
            "INSERT INTO a SELECT 1",
            "UPDATE a SET b = 1",
        ] {
            assert_eq!(takes_away(Dialect::Postgres, sql), None, "{sql}");
        }
    }

    #[test]
    fn what_a_running_program_would_miss_is_named() {
        for (sql, what) in [
            ("DROP TABLE a", "drops what a program may use"),
            ("DROP VIEW v", "drops what a program may use"),
            ("drop function f()", "drops what a program may use"),
            ("ALTER TABLE a DROP COLUMN b", "drops a column"),
            ("ALTER TABLE a DROP b", "drops a column"),
            (
                "ALTER TABLE a ADD c INT, DROP COLUMN IF EXISTS b",
                "drops a column",
            ),
            (
                "ALTER TABLE a RENAME TO b",
                "renames what a program may use",
            ),
            (
                "ALTER TABLE a RENAME COLUMN b TO c",
                "renames what a program may use",
            ),
            ("ALTER VIEW v RENAME TO w", "renames what a program may use"),
            ("RENAME TABLE a TO b", "renames a table"),
            (
                "ALTER TABLE a CHANGE b c INT",
                "renames what a program may use",
            ),
            (
                "ALTER TABLE a ALTER COLUMN b TYPE bigint",
                "changes the type of a column",
            ),
            (
                "ALTER TABLE a MODIFY b BIGINT",
                "changes the type of a column",
            ),
            (
                "ALTER TABLE a ALTER COLUMN b SET NOT NULL",
                "asks for a value that programs may leave out",
            ),
            (
                "ALTER TABLE a ADD COLUMN b INT NOT NULL",
                "adds a column that programs do not fill",
            ),
            ("TRUNCATE a", "removes rows"),
            ("DELETE FROM a", "removes rows"),
            ("WITH x AS (SELECT 1) DELETE FROM a USING x", "removes rows"),
            ("/* why */ DROP TABLE a", "drops what a program may use"),
            ("REVOKE SELECT ON a FROM b", "takes a right away"),
        ] {
            assert_eq!(takes_away(Dialect::Postgres, sql), Some(what), "{sql}");
        }
    }
}
