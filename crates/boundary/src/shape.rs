//! Is this text SQL? Whether a text has the shape of a statement, or of a piece of one.
//!
//! Owns the line between statements and sentences: "update credential" and "removed from cart"
//! are English, though they hold a word of SQL before the name of a table.

use freehold_sql::{Dialect, HOLE};

/// What a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Statement,
    /// A part that is put into a statement elsewhere.
    Piece,
    /// Something else.
    Other,
}

/// Words that statements begin with. Short ones of other things (`SET`, `USE`) are left out.
const VERBS: &[&str] = &[
    "select", "insert", "update", "delete", "with", "merge", "replace", "create", "alter", "drop",
    "truncate", "grant", "revoke", "lock", "copy", "explain", "begin", "declare", "do", "if",
    "exec", "execute", "comment", "rename", "refresh", "set", "use", "prepare", "(",
];

/// Functions that show their text to a person.
fn is_message(sink: &str) -> bool {
    let sink = sink.to_ascii_lowercase();
    matches!(
        sink.as_str(),
        "log"
            | "info"
            | "warn"
            | "warning"
            | "error"
            | "debug"
            | "trace"
            | "print"
            | "println"
            | "printf"
            | "eprintln"
            | "fatal"
            | "fatalf"
            | "errorf"
            | "infof"
            | "debugf"
            | "warnf"
            | "panic"
            | "t"
            | "gettext"
            | "translate"
            | "_"
            | "trans"
            | "alert"
            | "describe"
            | "it"
            | "test"
            | "expect"
            | "echo"
            | "puts"
            | "write"
            | "notify"
            | "apioperation"
            | "operation"
            | "schema"
            | "deprecated"
            | "suppresswarnings"
            | "displayname"
            | "assert"
            | "raise"
            | "fail"
            | "writeline"
            | "description"
            | "summary"
            | "help"
            | "title"
            | "label"
            | "message"
    ) || sink.ends_with("error")
        || sink.ends_with("exception")
}

/// Functions that run their text.
fn is_run(sink: &str) -> bool {
    let sink = sink.to_ascii_lowercase();
    sink.contains("query")
        || sink.contains("sql")
        || sink.contains("exec")
        || sink.contains("statement")
        || sink.contains("prepare")
        || matches!(
            sink.as_str(),
            "raw"
                | "fetch"
                | "fetchall"
                | "fetchone"
                | "select"
                | "selectall"
                | "one"
                | "any"
                | "many"
                | "none"
                | "run"
                | "text"
                | "all"
                | "get"
                | "update"
                | "delete"
                | "insert"
                | "statement"
                | "unsafe"
        )
}

/// Judges `text`, which `sink` is called with.
pub(crate) fn shape(text: &str, sink: Option<&str>) -> Shape {
    let text = past_comments(text);
    let first = first_word(text);
    let lower = first.to_ascii_lowercase();
    if lower.is_empty() {
        return Shape::Other;
    }
    if sink.is_some_and(is_message) {
        return Shape::Other;
    }
    let run = sink.is_some_and(is_run);
    if VERBS.contains(&lower.as_str()) {
        let evidence = run || evident(text, first);
        if evidence && has_form(text, &lower) {
            return Shape::Statement;
        }
        if lower != "with" || !evidence {
            return Shape::Other;
        }
    }
    if is_piece(text, &lower) {
        Shape::Piece
    } else {
        Shape::Other
    }
}

/// Is there any mark of a language that is no human's?
fn evident(text: &str, first: &str) -> bool {
    let all_upper = first.chars().all(|c| !c.is_ascii_lowercase());
    let marks = text.bytes().any(|byte| {
        matches!(
            byte,
            b'*' | b'='
                | b'('
                | b'?'
                | b'$'
                | b'%'
                | b'<'
                | b'>'
                | b';'
                | b'`'
                | b'['
                | b'\n'
                | b'@'
        )
    }) || text.contains(HOLE)
        || text.contains(" :")
        || dotted(text);
    let title = first.starts_with(|c: char| c.is_ascii_uppercase()) && !all_upper;
    if title {
        let lower = text.to_ascii_lowercase();
        return marks
            && [" where ", " from ", " values"]
                .iter()
                .any(|word| lower.contains(word));
    }
    all_upper || marks || clause_words(text) >= 2 && ends_well(text)
}

/// Behind FROM and a table, with or without an alias, a sentence goes on and a statement does not.
fn ends_well(text: &str) -> bool {
    let words = words(text);
    let Some(from) = words
        .iter()
        .position(|word| word == "from" || word == "into")
    else {
        return true;
    };
    let rest = &words[from + 1..];
    let clause = |word: &String| {
        [
            "where", "join", "left", "inner", "order", "group", "limit", "values", "select",
            "right", "cross", "using",
        ]
        .contains(&word.as_str())
    };
    rest.len() <= 1 || rest.iter().skip(1).take(2).any(clause)
}

/// `o.id`, not the end of a sentence.
fn dotted(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.windows(3).any(|w| {
        w[1] == b'.'
            && (w[0].is_ascii_alphanumeric() || w[0] == b'_' || w[0] == b'"')
            && (w[2].is_ascii_alphabetic() || w[2] == b'_' || w[2] == b'"' || w[2] == b'*')
    })
}

fn clause_words(text: &str) -> usize {
    text.split_whitespace()
        .filter(|word| {
            [
                "select", "from", "where", "join", "values", "into", "limit", "order", "group",
                "having", "distinct", "union",
            ]
            .iter()
            .any(|clause| word.eq_ignore_ascii_case(clause))
        })
        .count()
}

/// The words that must follow each verb, somewhere in the text.
fn has_form(text: &str, verb: &str) -> bool {
    let words: Vec<String> = words(text);
    let has = |word: &str| words.iter().any(|own| own == word);
    let second = words.get(1).map_or("", String::as_str);
    match verb {
        // Columns and FROM may come from elsewhere: `"select " + columns() + " join …"`.
        "select" => {
            has("from") && select_list(&words)
                || has("into") && has("from")
                || text.contains(HOLE) && has_join(&words)
        }
        "with" => has("as") && (has("select") || has("update") || has("delete") || has("insert")),
        "(" => has("select") && has("from"),
        "insert" | "replace" => {
            (has("into") || second == "overwrite" || verb == "insert" && has("values"))
                && (has("values")
                    || has("select")
                    || has("set")
                    || has("default")
                    || text.contains('(')
                    || text.contains(HOLE))
        }
        "update" => has("set"),
        "delete" => {
            has("from") && (second == "from" || has("where") || has("join") || second == "top")
        }
        "merge" => has("using") || has("into"),
        "truncate" => has("table") || words.len() <= 4,
        "create" | "alter" | "drop" => {
            words.iter().take(7).any(|word| {
                matches!(
                    word.as_str(),
                    "table"
                        | "view"
                        | "index"
                        | "trigger"
                        | "function"
                        | "procedure"
                        | "policy"
                        | "rule"
                        | "synonym"
                        | "materialized"
                        | "proc"
                )
            }) && (verb != "create"
                || text.contains('(')
                || has("as")
                || has("on")
                || has("for")
                || has("like"))
        }
        "grant" | "revoke" => has("on") && (has("to") || has("from")),
        "lock" => matches!(second, "table" | "tables"),
        "copy" => has("from") || has("to"),
        "comment" => second == "on",
        "rename" => second == "table",
        "refresh" => second == "materialized",
        "explain" | "begin" | "declare" | "do" | "if" | "exec" | "execute" | "set" | "use"
        | "prepare" => {
            (has("select") && has("from"))
                || (has("insert") && has("into"))
                || (has("update") && has("set"))
                || (has("delete") && has("from"))
        }
        _ => false,
    }
}

/// Between SELECT and FROM stand columns, not a sentence: no three bare words in a row.
fn select_list(words: &[String]) -> bool {
    let mut run = 0_usize;
    for word in words.iter().skip(1) {
        if word == "from" {
            return true;
        }
        let bare = word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let keyword = matches!(
            word.as_str(),
            "distinct"
                | "as"
                | "case"
                | "when"
                | "then"
                | "else"
                | "end"
                | "and"
                | "or"
                | "not"
                | "null"
                | "is"
                | "in"
                | "all"
                | "top"
                | "over"
                | "partition"
                | "by"
                | "order"
                | "asc"
                | "desc"
                | "select"
                | "exists"
                | "like"
                | "between"
                | "interval"
                | "on"
                | "filter"
                | "where"
                | "at"
                | "time"
                | "zone"
                | "count"
                | "into"
                | "percent"
                | "rows"
                | "range"
                | "preceding"
                | "following"
                | "current"
                | "row"
                | "within"
                | "group"
                | "sql_calc_found_rows"
                | "straight_join"
                | "high_priority"
        );
        run = if bare && !keyword { run + 1 } else { 0 };
        if run >= 3 {
            return false;
        }
    }
    true
}

/// `JOIN a ON …`, `FROM a b WHERE …`, and the like.
fn is_piece(text: &str, first: &str) -> bool {
    let words = words(text);
    let has = |word: &str| words.iter().any(|own| own == word);
    let strong = text.contains('=') || dotted(text) || text.contains('(');
    match first {
        "join" | "inner" | "left" | "right" | "full" | "cross" | "straight_join" | "outer"
        | "natural" | "lateral" => {
            has("join")
                && (has("on")
                    || has("using")
                    || matches!(first, "cross" | "natural")
                    || text.contains('('))
        }
        // `from alarm_info a`, as programs keep it apart: no sentence has such a name.
        "from"
            if (2..=3).contains(&words.len())
                && words[1].contains('_')
                && is_name(&words[1])
                && words.get(2).is_none_or(|alias| alias.len() < 4) =>
        {
            true
        }
        "from" => strong && (has("where") || has("join") || text.contains(',') || words.len() <= 4),
        "where" | "and" | "or" | "having" | "on" | "exists" | "not" | "in" | "union" | "except"
        | "intersect" | "values" | "as" | "," | "case" => {
            (has("select") && has("from") || has("join") && has("on")) && strong
        }
        "references" => words.len() <= 8,
        "with" => has("as") && has("select"),
        _ => {
            // `name AS (SELECT … FROM …)`
            let named = words.iter().take(6).any(|word| word == "as");
            has("select") && has("from") && strong && named
                // Columns and what follows them, without their SELECT: `a.x as y from a join …`
                || dotted(text) && text.contains('=') && has_join(&words)
                || has_columns(&words)
        }
    }
}

/// `join name … on` or `using`.
fn has_join(words: &[String]) -> bool {
    words.iter().enumerate().any(|(i, word)| {
        word == "join"
            && words.get(i + 1).is_some_and(|name| is_name(name))
            && words[i..]
                .iter()
                .take(7)
                .any(|word| word == "on" || word == "using")
    })
}

/// Before `from name` stand several columns, most with their table.
fn has_columns(words: &[String]) -> bool {
    let Some(from) = words.iter().position(|word| word == "from") else {
        return false;
    };
    let columns = &words[..from];
    let column = |word: &&String| {
        word.split_once('.').is_some_and(|(table, column)| {
            let plain = |part: &str| part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            !table.is_empty() && column.len() > 1 && plain(table) && plain(column)
        })
    };
    let qualified = columns.iter().filter(column).count();
    // `transaction_type, allocation_types from rules`: names and commas by turns, and no more.
    let bare = columns.len() > 2
        && words.len() == from + 2
        && columns.iter().any(|word| word.contains('_'))
        && columns
            .iter()
            .enumerate()
            .all(|(i, word)| (word == ",") == (i % 2 == 1));
    words.get(from + 1).is_some_and(|name| is_name(name))
        && columns.iter().any(|word| word == ",")
        && (bare || qualified >= 2 && qualified * 6 >= columns.len())
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '"' | '`' | '['))
        && !word.ends_with([':', '!', '?'])
}

fn words(text: &str) -> Vec<String> {
    text.split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | ';'))
        .flat_map(|word| {
            // `a,b` are two; the comma itself is a word that is not bare.
            let mut parts: Vec<String> = Vec::new();
            for (i, part) in word.split(',').enumerate() {
                if i > 0 {
                    parts.push(",".to_owned());
                }
                if !part.is_empty() {
                    parts.push(part.to_ascii_lowercase());
                }
            }
            parts
        })
        .take(600)
        .collect()
}

fn first_word(text: &str) -> &str {
    if text.starts_with(['(', ',']) {
        return &text[..1];
    }
    let end = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .unwrap_or(text.len());
    &text[..end]
}

/// Comments and space before the first word do not count.
fn past_comments(mut text: &str) -> &str {
    loop {
        text = text.trim_start_matches(|c: char| {
            c.is_whitespace() || c == ';' || c == '\u{feff}' || c == HOLE
        });
        if let Some(rest) = text.strip_prefix("--") {
            text = rest.split_once('\n').map_or("", |(_, rest)| rest);
        } else if let Some(rest) = text.strip_prefix("/*") {
            text = rest.split_once("*/").map_or("", |(_, rest)| rest);
        } else {
            return text;
        }
    }
}

/// The dialect that a text is written in, where nothing else says it.
pub(crate) fn dialect_of(text: &str, otherwise: Dialect) -> Dialect {
    if text.contains('`') && !otherwise.is_mysql_like() {
        return Dialect::Mysql;
    }
    let bracketed = [
        "FROM [", "JOIN [", "INTO [", "UPDATE [", "from [", "join [", "into [", "update [", "].[",
    ]
    .iter()
    .any(|mark| text.contains(mark));
    if bracketed {
        return Dialect::Sqlserver;
    }
    otherwise
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn is(text: &str, expected: Shape) {
        assert_eq!(shape(text, None), expected, "{text}");
    }

    #[test]
    fn statements_are_told_from_sentences() {
        for text in [
            "SELECT * FROM orders",
            "select id, name from customers where id = $1",
            "\n  -- all of them\n  select o.id from orders o",
            "UPDATE t SET a = 1",
            "delete from cart where id = ?",
            "INSERT INTO t (a) VALUES (1)",
            "with x as (select 1 from t) select * from x",
            "CREATE TABLE t (id int)",
            "SELECT COUNT(*) AS the_count FROM t",
            "Select * From Orders Where Id = 1",
        ] {
            is(text, Shape::Statement);
        }
        for text in [
            "update credential",
            "removed from cart",
            "Select the job from the list",
            "Delete from cart",
            "select an item from cart to continue",
            "Update the host. Set its target afterwards.",
            "Create a new table view for orders",
            "insert into cart",
            "Copy from host to target",
            "with love",
            "drop",
            "",
        ] {
            is(text, Shape::Other);
        }
    }

    #[test]
    fn pieces_and_sinks() {
        is(
            " LEFT JOIN customers c ON c.id = o.customer_id",
            Shape::Piece,
        );
        is("from m_client c where c.id = ?", Shape::Piece);
        is("join in", Shape::Other);
        is("\u{e000} join m_loan l on l.id = r.id", Shape::Piece);
        is(
            "select \u{e000} join m_loan l on l.id = r.id",
            Shape::Statement,
        );
        is("l.id as id, l.name as name from m_loan l", Shape::Piece);
        is("la.id, x.y join m_loan l on l.id = la.id", Shape::Piece);
        is(
            "Go to example.com, then choose a book from books.",
            Shape::Other,
        );
        is("e.g. take one, i.e. the first, from orders", Shape::Other);
        assert_eq!(
            shape("select name from customers", Some("query")),
            Shape::Statement
        );
        assert_eq!(shape("SELECT a FROM b failed", Some("error")), Shape::Other);
    }
}
