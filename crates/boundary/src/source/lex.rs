//! From bytes to tokens.
//!
//! Owns comments, words and the pairing of parentheses. What looks like a literal and is not
//! closed where its language says it must be is taken for punctuation, so that one apostrophe in
//! a text of markup does not swallow the file.

use super::literal::{self, Found};
use super::{Code, Kind, Token};
use crate::language::Language;

struct Lexer<'a> {
    language: Language,
    text: &'a str,
    bytes: &'a [u8],
    end: usize,
    code: Code<'a>,
    fresh_line: bool,
    /// Where reading goes on after the present line, past the bodies of its heredocs.
    resume: Option<usize>,
}

pub(super) fn read(language: Language, text: &str, start: usize, end: usize) -> Code<'_> {
    let mut lexer = Lexer {
        language,
        text,
        bytes: text.as_bytes(),
        end,
        code: Code {
            language,
            text,
            tokens: Vec::new(),
            literals: Vec::new(),
            partners: Vec::new(),
        },
        fresh_line: true,
        resume: None,
    };
    let mut at = start;
    while at < end {
        at = lexer.step(at).max(at + 1);
    }
    let mut code = lexer.code;
    code.partners = partners(&code.tokens);
    code
}

impl Lexer<'_> {
    fn byte(&self, at: usize) -> u8 {
        if at < self.end { self.bytes[at] } else { 0 }
    }

    fn step(&mut self, at: usize) -> usize {
        let byte = self.byte(at);
        match byte {
            b'\n' => {
                self.fresh_line = true;
                return self.resume.take().unwrap_or(at + 1);
            }
            b' ' | b'\t' | b'\r' => return at + 1,
            _ => {}
        }
        if let Some(end) = self.comment(at) {
            return end;
        }
        if let Some(found) = self.literal(at) {
            self.push(Kind::Literal(self.code.literals.len()), at, found.end);
            self.code.literals.push(found.literal);
            if let Some(body_end) = found.body_end {
                self.resume = Some(body_end);
            }
            return found.end;
        }
        if is_word_start(self.language, byte) {
            let mut end = at + 1;
            while end < self.end && is_word(self.bytes[end]) {
                end += 1;
            }
            self.push(Kind::Word, at, end);
            return end;
        }
        if byte.is_ascii_digit() {
            let mut end = at + 1;
            while end < self.end && (is_word(self.bytes[end]) || self.bytes[end] == b'.') {
                end += 1;
            }
            self.push(Kind::Number, at, end);
            return end;
        }
        self.push(Kind::Mark(byte), at, at + 1);
        at + 1
    }

    fn literal(&self, at: usize) -> Option<Found> {
        let byte = self.byte(at);
        let may = matches!(byte, b'"' | b'\'' | b'`' | b'$' | b'@' | b'<' | b'%')
            || byte.is_ascii_alphabetic() && literal::has_prefixes(self.language);
        if !may {
            return None;
        }
        // Markup between tags holds apostrophes: `don't`.
        if byte == b'\''
            && self.language == Language::Script
            && at > 0
            && is_word(self.bytes[at - 1])
        {
            return None;
        }
        // `b"x"` in `ab"x"` is no prefix: words are read whole, so here one begins.
        literal::at(
            self.language,
            self.text,
            at,
            self.end,
            self.value_may_begin(),
        )
    }

    /// Can an expression begin here? Tells a regular expression from a division, and a heredoc
    /// from a shift.
    fn value_may_begin(&self) -> bool {
        match self.code.tokens.last() {
            None => true,
            Some(token) => match token.kind {
                Kind::Mark(mark) => !matches!(mark, b')' | b']' | b'}'),
                Kind::Word => matches!(
                    &self.text[token.start..token.end],
                    "return"
                        | "typeof"
                        | "case"
                        | "in"
                        | "of"
                        | "and"
                        | "or"
                        | "not"
                        | "puts"
                        | "execute"
                ),
                _ => false,
            },
        }
    }

    fn push(&mut self, kind: Kind, start: usize, end: usize) {
        self.code.tokens.push(Token {
            kind,
            start,
            end,
            fresh_line: std::mem::take(&mut self.fresh_line),
        });
    }

    fn comment(&self, at: usize) -> Option<usize> {
        let (byte, next) = (self.byte(at), self.byte(at + 1));
        if byte == b'#' && self.language.hash_comments() {
            // PHP's attributes: `#[ORM\Entity]`.
            if self.language == Language::Php && next == b'[' {
                return None;
            }
            return Some(self.line_end(at));
        }
        if byte == b'='
            && self.language == Language::Ruby
            && self.text[at..self.end].starts_with("=begin")
        {
            let end = self.text[at..self.end].find("\n=end")?;
            return Some(self.line_end(at + end + 1));
        }
        if byte != b'/' {
            return None;
        }
        if self.language.slash_comments() {
            if next == b'/' {
                return Some(self.line_end(at));
            }
            if next == b'*' {
                let end = self.text[at + 2..self.end].find("*/").map(|i| at + i + 4);
                return Some(end.unwrap_or(self.end));
            }
        }
        if matches!(self.language, Language::Script | Language::Ruby) && self.value_may_begin() {
            return self.regular_expression(at);
        }
        None
    }

    /// Read as a comment: nothing of it is of interest.
    fn regular_expression(&self, at: usize) -> Option<usize> {
        let mut class = false;
        let mut end = at + 1;
        while end < self.end {
            match self.bytes[end] {
                b'\n' => return None,
                b'\\' => end += 1,
                b'[' => class = true,
                b']' => class = false,
                b'/' if !class => return Some(end + 1),
                _ => {}
            }
            end += 1;
        }
        None
    }

    fn line_end(&self, at: usize) -> usize {
        self.bytes[at..self.end]
            .iter()
            .position(|byte| *byte == b'\n')
            .map_or(self.end, |i| at + i)
    }
}

fn is_word_start(language: Language, byte: u8) -> bool {
    byte.is_ascii_alphabetic()
        || byte == b'_'
        || byte >= 0x80
        || byte == b'$' && matches!(language, Language::Script | Language::Php | Language::Java)
}

pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

fn partners(tokens: &[Token]) -> Vec<usize> {
    let mut partners = vec![tokens.len(); tokens.len()];
    let mut open: Vec<(u8, usize)> = Vec::new();
    for (i, token) in tokens.iter().enumerate() {
        let Kind::Mark(mark) = token.kind else {
            continue;
        };
        let opening = match mark {
            b'(' | b'[' | b'{' => {
                open.push((mark, i));
                continue;
            }
            b')' => b'(',
            b']' => b'[',
            b'}' => b'{',
            _ => continue,
        };
        // What does not fit was opened by mistake, or closed by one: the nearest fitting wins.
        let depth = open.len().saturating_sub(32);
        if let Some(found) = open[depth..].iter().rposition(|(open, _)| *open == opening) {
            let (_, at) = open[depth + found];
            open.truncate(depth + found);
            partners[at] = i;
            partners[i] = at;
        }
    }
    partners
}
