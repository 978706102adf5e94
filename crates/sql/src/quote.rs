//! Names and values written into SQL text so that they can be nothing but that name or value.
//!
//! The result is safe whatever the server's session settings are (`sql_mode`,
//! `standard_conforming_strings`, `QUOTED_IDENTIFIER`, the client's character set). What a
//! dialect cannot write is refused, never changed. Secrets do not belong here at all:
//! passwords travel as verifiers.

use std::fmt::Write as _;

use freehold_model::Fault;

use crate::Dialect;

/// Why a name or a value cannot be written. Never holds the value itself: it may be private.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuoteError {
    #[error("a name is empty")]
    EmptyName,
    #[error(
        "the name {name:?} has a character that {dialect} does not allow in names: {character:?}"
    )]
    NameCharacter {
        dialect: Dialect,
        name: String,
        character: char,
    },
    #[error("the name {name:?} is {length} {unit} long; {dialect} allows {limit}")]
    NameTooLong {
        dialect: Dialect,
        name: String,
        length: usize,
        limit: usize,
        unit: &'static str,
    },
    #[error("a text value has a NUL character, which {dialect} cannot hold in a literal")]
    NulInText { dialect: Dialect },
    #[error("a text value has a backslash before a line break, which {dialect} would swallow")]
    SwallowedLineBreak { dialect: Dialect },
}

impl QuoteError {
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::EmptyName | Self::NameCharacter { .. } | Self::NameTooLong { .. } => "FH1228",
            Self::NulInText { .. } | Self::SwallowedLineBreak { .. } => "FH1229",
        }
    }

    /// The error as a user meets it.
    #[must_use]
    pub fn fault(&self) -> Fault {
        let help = match self {
            Self::EmptyName => "give the object a name",
            Self::NameCharacter { .. } => "use letters, digits and underscores",
            Self::NameTooLong { .. } => "shorten the name",
            Self::NulInText { .. } => "leave the NUL out, or keep the value in a column of bytes",
            Self::SwallowedLineBreak { .. } => {
                "put a space between the backslash and the line break"
            }
        };
        Fault::new(self.code(), self.to_string()).help(help)
    }
}

/// `name` as a quoted identifier, with the quotes.
pub fn quote_ident(dialect: Dialect, name: &str) -> Result<String, QuoteError> {
    if name.is_empty() {
        return Err(QuoteError::EmptyName);
    }
    let refused = name.chars().find(|&c| refused_in_names(dialect, c));
    // MySQL refuses names that end in white space.
    let last = name.chars().last();
    let refused = refused.or(last.filter(|c| dialect.is_mysql_like() && c.is_ascii_whitespace()));
    if let Some(character) = refused {
        return Err(QuoteError::NameCharacter {
            dialect,
            name: name.to_owned(),
            character,
        });
    }
    if let Some((length, limit, unit)) = over_long(dialect, name) {
        return Err(QuoteError::NameTooLong {
            dialect,
            name: name.to_owned(),
            length,
            limit,
            unit,
        });
    }
    let (open, close) = match dialect {
        Dialect::Postgres | Dialect::Sqlite | Dialect::Oracle => ('"', '"'),
        // Backquotes and brackets mean names under every ANSI_QUOTES and QUOTED_IDENTIFIER.
        Dialect::Mysql | Dialect::Mariadb => ('`', '`'),
        Dialect::Sqlserver => ('[', ']'),
    };
    let mut quoted = String::with_capacity(name.len() + 2);
    quoted.push(open);
    push_doubled(&mut quoted, name, close);
    quoted.push(close);
    Ok(quoted)
}

/// `text` as a string literal, with the quotes.
///
/// On MySQL and MariaDB text outside plain ASCII, and any backslash, becomes `_utf8mb4 0x…`,
/// which neither `NO_BACKSLASH_ESCAPES` nor the connection's character set can change. That form
/// is an expression; the few clauses that take only a bare literal (`COMMENT`, `USING`) take it
/// from the plain set only.
pub fn quote_literal(dialect: Dialect, text: &str) -> Result<String, QuoteError> {
    if text.contains('\0') && !dialect.is_mysql_like() {
        return Err(QuoteError::NulInText { dialect });
    }
    match dialect {
        Dialect::Postgres if text.contains('\\') => {
            Ok(between_quotes("E'", &text.replace('\\', "\\\\")))
        }
        Dialect::Mysql | Dialect::Mariadb if !text.chars().all(is_plain) => {
            let mut literal = "_utf8mb4 0x".to_owned();
            for byte in text.bytes() {
                // Writing to a String cannot fail.
                let _ = write!(literal, "{byte:02x}");
            }
            Ok(literal)
        }
        Dialect::Sqlserver if text.contains("\\\n") || text.contains("\\\r") => {
            Err(QuoteError::SwallowedLineBreak { dialect })
        }
        Dialect::Sqlserver => Ok(between_quotes("N'", text)),
        _ => Ok(between_quotes("'", text)),
    }
}

fn between_quotes(open: &str, text: &str) -> String {
    let mut literal = String::with_capacity(text.len() + open.len() + 1);
    literal.push_str(open);
    push_doubled(&mut literal, text, '\'');
    literal.push('\'');
    literal
}

fn push_doubled(out: &mut String, text: &str, quote: char) {
    for c in text.chars() {
        if c == quote {
            out.push(c);
        }
        out.push(c);
    }
}

/// Means the same under every `sql_mode` and in every character set that MySQL takes from clients.
fn is_plain(c: char) -> bool {
    c != '\\' && (' '..='~').contains(&c)
}

fn refused_in_names(dialect: Dialect, c: char) -> bool {
    match dialect {
        Dialect::Oracle => c == '\0' || c == '"',
        // Names are stored in utf8mb3.
        Dialect::Mysql | Dialect::Mariadb => c == '\0' || c > '\u{FFFF}',
        Dialect::Postgres | Dialect::Sqlite | Dialect::Sqlserver => c == '\0',
    }
}

/// Length, limit and unit, when `name` is longer than the dialect holds. PostgreSQL would cut
/// such a name off with a notice, so that two names could become one.
fn over_long(dialect: Dialect, name: &str) -> Option<(usize, usize, &'static str)> {
    let (length, limit, unit) = match dialect {
        Dialect::Postgres => (name.len(), 63, "bytes"),
        Dialect::Mysql | Dialect::Mariadb => (name.chars().count(), 64, "characters"),
        Dialect::Sqlserver => (name.encode_utf16().count(), 128, "UTF-16 units"),
        Dialect::Oracle => (name.len(), 128, "bytes"),
        Dialect::Sqlite => return None,
    };
    (length > limit).then_some((length, limit, unit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Dialect::{Mariadb, Mysql, Oracle, Postgres, Sqlite, Sqlserver};

    #[test]
    fn names() {
        for (dialect, name, quoted) in [
            (Postgres, "a\"b", "\"a\"\"b\""),
            (Mysql, "a`b", "`a``b`"),
            (Mariadb, "größe", "`größe`"),
            (
                Sqlite,
                "a\"; DROP TABLE b; --",
                "\"a\"\"; DROP TABLE b; --\"",
            ),
            (Sqlserver, "a]b[", "[a]]b[]"),
            (Oracle, "ORDERS", "\"ORDERS\""),
        ] {
            assert_eq!(
                quote_ident(dialect, name).as_deref(),
                Ok(quoted),
                "{dialect}"
            );
        }
    }

    #[test]
    fn names_that_are_refused() {
        let cases = [
            (Postgres, "ä".repeat(32), "FH1228"),
            (Mysql, "a".repeat(65), "FH1228"),
            (Mysql, "a ".to_owned(), "FH1228"),
            (Mysql, "😀".to_owned(), "FH1228"),
            (Sqlserver, "a".repeat(129), "FH1228"),
            (Oracle, "a\"b".to_owned(), "FH1228"),
        ];
        for (dialect, name, code) in cases {
            assert_eq!(
                quote_ident(dialect, &name).unwrap_err().fault().code,
                code,
                "{name}"
            );
        }
        for dialect in Dialect::ALL {
            assert_eq!(quote_ident(dialect, ""), Err(QuoteError::EmptyName));
            assert!(quote_ident(dialect, "a\0b").is_err(), "{dialect}");
            assert!(quote_ident(dialect, &"a".repeat(63)).is_ok(), "{dialect}");
        }
    }

    #[test]
    fn literals() {
        for (dialect, text, literal) in [
            (Postgres, "it's", "'it''s'"),
            (Postgres, "\\'", "E'\\\\'''"),
            (Mysql, "it's", "'it''s'"),
            (Mysql, "\\", "_utf8mb4 0x5c"),
            (Mariadb, "ä", "_utf8mb4 0xc3a4"),
            (Mysql, "", "''"),
            (Sqlite, "\\'", "'\\'''"),
            (Sqlserver, "it's", "N'it''s'"),
            (Oracle, "it's", "'it''s'"),
        ] {
            assert_eq!(
                quote_literal(dialect, text).as_deref(),
                Ok(literal),
                "{dialect}"
            );
        }
    }

    #[test]
    fn literals_that_are_refused() {
        for dialect in [Postgres, Sqlite, Sqlserver, Oracle] {
            let error = quote_literal(dialect, "secret\0").unwrap_err();
            assert!(!error.to_string().contains("secret") && error.code() == "FH1229");
        }
        assert!(quote_literal(Sqlserver, "a\\\nb").is_err());
        assert_eq!(quote_literal(Mysql, "\0").as_deref(), Ok("_utf8mb4 0x00"));
    }
}
