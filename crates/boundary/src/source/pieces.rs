//! The inside of a literal: raw text, escapes, holes.

use super::Piece;
use super::lex::is_word;
use super::literal::{Holes, Style};

/// Reads the pieces of one literal.
pub(super) struct Reader<'a> {
    pub(super) text: &'a str,
    pub(super) end: usize,
    pub(super) pieces: Vec<Piece>,
}

impl Reader<'_> {
    /// Reads from `from` to the closing quote; gives the byte behind it.
    pub(super) fn run(&mut self, from: usize, style: &Style) -> Option<usize> {
        let bytes = self.text.as_bytes();
        let (mut at, mut raw) = (from, from);
        while at < self.end {
            let byte = bytes[at];
            if !style.close.is_empty()
                && byte == style.close[0]
                && bytes[at..self.end].starts_with(style.close)
            {
                if style.doubled && bytes.get(at + 1) == Some(&style.close[0]) {
                    self.raw(raw, at + 1);
                    at += 2;
                    raw = at;
                    continue;
                }
                self.raw(raw, at);
                return Some(at + style.close.len());
            }
            if byte == b'\n' && !style.lines {
                return None;
            }
            if byte == b'\\' && style.backslash {
                self.raw(raw, at);
                at = self.escape(at);
                raw = at;
                continue;
            }
            if let Some((hole, end)) = self.hole(at, style.holes) {
                self.raw(raw, at);
                match hole {
                    Some((start, end)) => self.pieces.push(Piece::Hole { start, end }),
                    None => self.pieces.push(Piece::Escaped {
                        text: (byte as char).to_string(),
                        start: at,
                    }),
                }
                at = end;
                raw = at;
                continue;
            }
            at += 1;
        }
        if style.close.is_empty() {
            self.raw(raw, self.end);
            return Some(self.end);
        }
        None
    }

    fn raw(&mut self, start: usize, end: usize) {
        if start < end {
            self.pieces.push(Piece::Raw { start, end });
        }
    }

    fn escape(&mut self, at: usize) -> usize {
        let rest = &self.text[at + 1..self.end];
        let Some(c) = rest.chars().next() else {
            return self.end;
        };
        let (text, length) = match c {
            'n' => ("\n".to_owned(), 1),
            'r' => ("\r".to_owned(), 1),
            't' => ("\t".to_owned(), 1),
            '0' => ("\0".to_owned(), 1),
            // The line goes on.
            '\n' => (String::new(), 1),
            '\r' => (String::new(), 1 + usize::from(rest.starts_with("\r\n"))),
            'u' | 'x' => coded(rest),
            // PHP's `'Shop\Order'`: no language has an escape of such a letter.
            c if c.is_ascii_uppercase() => (format!("\\{c}"), 1),
            c => (c.to_string(), c.len_utf8()),
        };
        self.pieces.push(Piece::Escaped { text, start: at });
        at + 1 + length
    }

    /// A hole that begins at `at`, and the byte behind it; without a range: a doubled mark.
    fn hole(&self, at: usize, holes: Holes) -> Option<(Option<(usize, usize)>, usize)> {
        let bytes = &self.text.as_bytes()[at..self.end];
        let next = bytes.get(1).copied();
        match (holes, bytes[0], next) {
            (Holes::DollarBrace | Holes::DollarName, b'$', Some(b'{'))
            | (Holes::HashBrace, b'#', Some(b'{')) => {
                let end = self.matching(at + 2)?;
                Some((Some((at + 2, end)), end + 1))
            }
            (Holes::DollarName, b'$', Some(letter))
                if letter.is_ascii_alphabetic() || letter == b'_' =>
            {
                let length = bytes[1..]
                    .iter()
                    .take_while(|byte| is_word(**byte) && **byte != b'$')
                    .count();
                Some((Some((at + 1, at + 1 + length)), at + 1 + length))
            }
            (Holes::Brace, b'{', Some(b'{')) | (Holes::Brace, b'}', Some(b'}')) => {
                Some((None, at + 2))
            }
            (Holes::Brace, b'{', _) | (Holes::DollarName, b'{', Some(b'$')) => {
                let end = self.matching(at + 1)?;
                Some((Some((at + 1, end)), end + 1))
            }
            _ => None,
        }
    }

    /// The brace that closes the one before `from`; braces in literals within count for nothing.
    fn matching(&self, from: usize) -> Option<usize> {
        let bytes = self.text.as_bytes();
        let mut depth = 1_usize;
        let mut quote: Option<u8> = None;
        let mut at = from;
        let limit = self.end.min(from + 4_000);
        while at < limit {
            let byte = bytes[at];
            match quote {
                Some(open) => {
                    if byte == b'\\' {
                        at += 1;
                    } else if byte == open {
                        quote = None;
                    } else if open == b'`' && byte == b'$' && bytes.get(at + 1) == Some(&b'{') {
                        at = self.matching(at + 2)?;
                    }
                }
                None => match byte {
                    b'{' => depth += 1,
                    b'}' => {
                        depth -= 1;
                        if depth == 0 {
                            return Some(at);
                        }
                    }
                    b'"' | b'\'' | b'`' => quote = Some(byte),
                    _ => {}
                },
            }
            at += 1;
        }
        None
    }
}

/// `u0041`, `u{41}`, `x41`: the character and how long it is written.
fn coded(rest: &str) -> (String, usize) {
    let (from, digits) = if rest.as_bytes().get(1) == Some(&b'{') {
        (
            2,
            rest[2..]
                .bytes()
                .take(6)
                .take_while(u8::is_ascii_hexdigit)
                .count(),
        )
    } else if let Some(hex) = rest.strip_prefix('u') {
        (
            1,
            hex.bytes()
                .take(4)
                .take_while(u8::is_ascii_hexdigit)
                .count(),
        )
    } else {
        (
            1,
            rest[1..]
                .bytes()
                .take(2)
                .take_while(u8::is_ascii_hexdigit)
                .count(),
        )
    };
    let c = rest
        .get(from..from + digits)
        .and_then(|hex| u32::from_str_radix(hex, 16).ok())
        .and_then(char::from_u32);
    match c {
        Some(c) => (c.to_string(), from + digits + usize::from(from == 2)),
        None => (rest[..1].to_owned(), 1),
    }
}
