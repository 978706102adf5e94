//! Quoting any value: our own lexer reads it back as one token that holds exactly the value.

use freehold_sql::lexer::{Lexer, TokenKind};
use freehold_sql::{Dialect, quote_ident, quote_literal};
use proptest::prelude::*;

use crate::text;

/// The tokens of `sql` between two words, so that nothing can leak out to either side.
fn between_words(dialect: Dialect, sql: &str) -> Vec<(TokenKind, String)> {
    let text = format!("before {sql} after");
    let mut tokens: Vec<_> = Lexer::new(dialect, &text)
        .filter(|token| !token.is_trivia())
        .map(|token| (token.kind, token.text(&text).to_owned()))
        .collect();
    assert_eq!(tokens.first().map(|token| token.1.as_str()), Some("before"));
    assert_eq!(tokens.pop().map(|token| token.1), Some("after".to_owned()));
    tokens.remove(0);
    tokens
}

/// What the literal stands for, by the dialect's own rules.
fn value_of(dialect: Dialect, literal: &str) -> String {
    let inside = |open: &str| literal[open.len()..literal.len() - 1].replace("''", "'");
    if let Some(hex) = literal.strip_prefix("0x") {
        let bytes: Vec<u8> = (0..hex.len() / 2)
            .map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).expect("hex digits"))
            .collect();
        return String::from_utf8(bytes).expect("UTF-8");
    }
    match dialect {
        Dialect::Postgres if literal.starts_with('E') => inside("E'").replace("\\\\", "\\"),
        Dialect::Sqlserver => inside("N'"),
        _ => inside("'"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_literal_is_one_token(value in text::value()) {
        for dialect in Dialect::ALL {
            let Ok(literal) = quote_literal(dialect, &value) else {
                prop_assert!(value.contains('\0') || dialect == Dialect::Sqlserver);
                continue;
            };
            let mut tokens = between_words(dialect, &literal);
            if literal.starts_with('_') {
                // MySQL's introducer is a word of its own before the one literal.
                prop_assert_eq!(tokens.remove(0), (TokenKind::Word, "_utf8mb4".to_owned()));
                prop_assert!(literal.is_ascii());
            }
            prop_assert_eq!(tokens.len(), 1);
            prop_assert!(matches!(tokens[0].0, TokenKind::Text | TokenKind::Number));
            prop_assert_eq!(value_of(dialect, &tokens[0].1), value.as_str(), "{}", literal);
        }
    }

    #[test]
    fn a_name_is_one_token(name in text::value()) {
        for dialect in Dialect::ALL {
            let Ok(quoted) = quote_ident(dialect, &name) else { continue };
            let tokens = between_words(dialect, &quoted);
            prop_assert_eq!(tokens.len(), 1);
            prop_assert_eq!(tokens[0].0, TokenKind::QuotedName);
            let close = &quoted[quoted.len() - 1..];
            let back = quoted[1..quoted.len() - 1].replace(&close.repeat(2), close);
            prop_assert_eq!(back, name.as_str());
        }
    }
}
