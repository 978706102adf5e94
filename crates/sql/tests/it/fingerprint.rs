//! Fingerprints of any text: comments and white space between tokens never count, tokens do.

use freehold_sql::lexer::{Lexer, Token, TokenKind};
use freehold_sql::{Dialect, fingerprint};
use proptest::prelude::*;

use crate::text;

fn tokens(dialect: Dialect, text: &str) -> Vec<Token> {
    Lexer::new(dialect, text)
        .filter(|token| !token.is_trivia())
        .collect()
}

fn rewritten(text: &str, tokens: &[Token], between: impl Fn(usize) -> &'static str) -> String {
    let mut out = String::new();
    for (i, token) in tokens.iter().enumerate() {
        out.push_str(between(i));
        out.push_str(token.text(text));
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_stands_between_tokens_does_not_count(sql in text::sql(), pick in any::<u32>()) {
        // A line break would let E'…' go on, so not that one.
        const BETWEEN: [&str; 4] = [" ", "\t ", " /* ; ' */ ", " /**/ "];
        for dialect in Dialect::ALL {
            let tokens = tokens(dialect, &sql);
            if tokens.last().is_some_and(|token| matches!(token.kind, TokenKind::Open(_))) {
                continue;
            }
            // Within a line hint nothing ends it but a line break; a sign before `--` or a
            // comment's beginning would be read as part of it: those are left alone.
            if tokens.iter().any(|token| token.kind == TokenKind::Hint) || sql.contains("/*!") {
                continue;
            }
            let other = rewritten(&sql, &tokens, |i| BETWEEN[(pick as usize + i * 7) % 4]);
            prop_assert_eq!(fingerprint(dialect, &sql), fingerprint(dialect, &other), "{}: {}", dialect, other);
        }
    }

    #[test]
    fn a_changed_token_counts(sql in text::sql(), pick in any::<prop::sample::Index>()) {
        for dialect in Dialect::ALL {
            let tokens = tokens(dialect, &sql);
            if tokens.is_empty() {
                continue;
            }
            let changed = tokens[pick.index(tokens.len())];
            if changed.kind != TokenKind::Word {
                continue;
            }
            let mut other = sql.clone();
            other.insert(changed.end, 'z');
            prop_assert_ne!(fingerprint(dialect, &sql), fingerprint(dialect, &other), "{}", other);
        }
    }
}
