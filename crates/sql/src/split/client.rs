//! What the command-line clients read for themselves: `DELIMITER`, `GO`, `/`, and their commands.
//!
//! Owns the list of client commands that are refused. A migration is sent to a server, which
//! knows none of them; run half-understood they would lose statements.

use crate::lexer::{Lexer, Token};
use crate::seen::Seen;
use crate::{Dialect, SplitTrouble};

/// What a token means to the client.
pub(super) enum Client<'a> {
    /// Nothing: it is SQL.
    Not,
    /// The statement ends here and is sent so many times; reading goes on at `resume`.
    End { times: usize, resume: usize },
    /// From `resume` on statements end at `delimiter`, or at `;` if there is none.
    Delimiter {
        delimiter: Option<&'a str>,
        resume: usize,
    },
}

/// The mysql client keeps a delimiter in 16 bytes.
const DELIMITER_BYTES: usize = 15;

/// More is a slip of the finger, and would fill the memory.
const GO_TIMES: usize = 10_000;

const SQLPLUS: &[&str] = &[
    "ACCEPT", "CLEAR", "COLUMN", "CONN", "CONNECT", "DEFINE", "EXEC", "EXECUTE", "EXIT", "HOST",
    "PAUSE", "PRINT", "PROMPT", "QUIT", "REM", "REMARK", "SHOW", "SPOOL", "START", "UNDEFINE",
    "VARIABLE", "WHENEVER",
];

/// Reads `token`, which `lexer` has just passed. `fresh` when no statement is being read.
pub(super) fn read<'a>(
    dialect: Dialect,
    text: &'a str,
    token: Token,
    fresh: bool,
    lexer: &Lexer<'a>,
) -> Result<Client<'a>, SplitTrouble> {
    let seen = Seen::new(token, text);
    match dialect {
        Dialect::Postgres if seen.is_symbol("\\") => Err(command("psql", text, token)),
        Dialect::Mysql | Dialect::Mariadb => {
            // `\N` is NULL; every other backslash is a command of the client.
            if seen.is_symbol("\\") && !text[token.end..].starts_with('N') {
                return Err(command("mysql", text, token));
            }
            if fresh && seen.is("DELIMITER") {
                return delimiter(text, token);
            }
            Ok(Client::Not)
        }
        Dialect::Sqlite if fresh && seen.is_symbol(".") => Err(command("sqlite3", text, token)),
        Dialect::Sqlserver => {
            if fresh && seen.is_symbol(":") {
                return Err(command("sqlcmd", text, token));
            }
            if seen.is("GO") && (fresh || begins_line(text, token)) {
                return go(text, token);
            }
            Ok(Client::Not)
        }
        Dialect::Oracle => {
            let alone = begins_line(text, token) && rest_of_line(text, token).trim().is_empty();
            if seen.is_symbol("/") && (fresh || alone) {
                return Ok(Client::End {
                    times: 1,
                    resume: token.end,
                });
            }
            let session = ["ROLE", "TRANSACTION", "CONSTRAINT", "CONSTRAINTS"];
            let set = seen.is("SET")
                && !lexer
                    .peek_significant()
                    .is_some_and(|t| Seen::new(t, text).is_any(&session));
            if fresh && (seen.is_any(SQLPLUS) || seen.is_symbol("@") || set) {
                return Err(command("SQL*Plus", text, token));
            }
            Ok(Client::Not)
        }
        Dialect::Postgres | Dialect::Sqlite => Ok(Client::Not),
    }
}

fn begins_line(text: &str, token: Token) -> bool {
    let before = text[..token.start].trim_end_matches([' ', '\t', '\r']);
    before.is_empty() || before.ends_with('\n')
}

fn rest_of_line(text: &str, token: Token) -> &str {
    let rest = &text[token.end..];
    rest.find('\n').map_or(rest, |end| &rest[..end])
}

fn command(client: &'static str, text: &str, token: Token) -> SplitTrouble {
    const SHOWN: usize = 30;
    let word = |c: &char| c.is_alphanumeric() || matches!(c, '_' | '?' | '!' | '.' | '+');
    let rest = text[token.end..].chars().take_while(word).take(SHOWN);
    let command = token.text(text).chars().chain(rest).collect();
    SplitTrouble::ClientCommand { client, command }
}

fn delimiter(text: &str, token: Token) -> Result<Client<'_>, SplitTrouble> {
    let trouble = |why| Err(SplitTrouble::Delimiter { why });
    let line = rest_of_line(text, token);
    let Some(word) = line.split_whitespace().next() else {
        return trouble("does not say which");
    };
    let quoted = ['\'', '"', '`'].iter().find_map(|&quote| {
        word.strip_prefix(quote)
            .and_then(|inner| inner.strip_suffix(quote))
    });
    let delimiter = quoted.unwrap_or(word);
    if delimiter.is_empty() {
        return trouble("does not say which");
    }
    if delimiter.contains(['\\', '\'', '"', '`']) {
        return trouble("cannot hold a backslash or a quote");
    }
    if delimiter.len() > DELIMITER_BYTES {
        return trouble("is longer than 15 bytes");
    }
    let resume = token.end + line.len();
    Ok(Client::Delimiter {
        delimiter: (delimiter != ";").then_some(delimiter),
        resume,
    })
}

fn go(text: &str, token: Token) -> Result<Client<'_>, SplitTrouble> {
    let trouble = |why| Err(SplitTrouble::Go { why });
    let line = rest_of_line(text, token);
    let resume = token.end + line.len();
    let count = line
        .find("--")
        .map_or(line, |comment| &line[..comment])
        .trim();
    if count.is_empty() {
        return Ok(Client::End { times: 1, resume });
    }
    if count.starts_with(';') {
        return trouble("takes no semicolon");
    }
    if !count.bytes().all(|b| b.is_ascii_digit()) {
        // A column or an alias that is called so.
        return Ok(Client::Not);
    }
    match count.parse() {
        Ok(0) => trouble("0 would run nothing"),
        Ok(times) if times <= GO_TIMES => Ok(Client::End { times, resume }),
        _ => trouble("repeats more than 10,000 times"),
    }
}
