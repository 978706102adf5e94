//! Text literals of each language: where they end, their escapes, their holes.

use super::lex::is_word;
use super::pieces::Reader;
use super::{Literal, Piece};
use crate::language::Language;

/// A literal that was read.
pub(super) struct Found {
    /// Behind the literal (of a heredoc: behind its opening).
    pub(super) end: usize,
    /// Behind the body of a heredoc.
    pub(super) body_end: Option<usize>,
    pub(super) literal: Literal,
}

/// How a kind of literal is written inside.
#[derive(Debug, Clone)]
pub(super) struct Style<'a> {
    /// What closes it.
    pub(super) close: &'a [u8],
    pub(super) backslash: bool,
    /// The closing quote, doubled, stands for itself.
    pub(super) doubled: bool,
    pub(super) lines: bool,
    pub(super) holes: Holes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holes {
    None,
    /// `${…}`
    DollarBrace,
    /// `${…}` and `$name`; in PHP also `{$…}`.
    DollarName,
    /// `{…}`, with `{{` for a brace.
    Brace,
    /// `#{…}`
    HashBrace,
}

/// Languages whose literals may begin with letters.
pub(super) fn has_prefixes(language: Language) -> bool {
    matches!(language, Language::Python | Language::Rust)
}

/// The literal that begins at `at`.
pub(super) fn at(
    language: Language,
    text: &str,
    at: usize,
    end: usize,
    value_may_begin: bool,
) -> Option<Found> {
    let rest = &text.as_bytes()[at..end];
    let begins = |with: &[u8]| rest.starts_with(with);
    let simple = |close: &'static [u8]| Style {
        close,
        backslash: true,
        doubled: false,
        lines: false,
        holes: Holes::None,
    };
    let read = |open: usize, style: &Style| read(text, at, at + open, end, style);
    match language {
        Language::Script => match rest[0] {
            b'"' => read(1, &simple(b"\"")),
            b'\'' => read(1, &simple(b"'")),
            b'`' => read(
                1,
                &Style {
                    lines: true,
                    holes: Holes::DollarBrace,
                    ..simple(b"`")
                },
            ),
            _ => None,
        },
        Language::Python => python(text, at, end),
        Language::Java | Language::Prisma => match rest[0] {
            b'"' if begins(b"\"\"\"") => read(
                3,
                &Style {
                    lines: true,
                    ..simple(b"\"\"\"")
                },
            ),
            b'"' => read(1, &simple(b"\"")),
            b'\'' => character(text, at, end),
            _ => None,
        },
        Language::Kotlin => match rest[0] {
            b'"' if begins(b"\"\"\"") => read(
                3,
                &Style {
                    lines: true,
                    backslash: false,
                    holes: Holes::DollarName,
                    ..simple(b"\"\"\"")
                },
            ),
            b'"' => read(
                1,
                &Style {
                    holes: Holes::DollarName,
                    ..simple(b"\"")
                },
            ),
            b'\'' => character(text, at, end),
            _ => None,
        },
        Language::Go => match rest[0] {
            b'"' => read(1, &simple(b"\"")),
            b'`' => read(
                1,
                &Style {
                    lines: true,
                    backslash: false,
                    ..simple(b"`")
                },
            ),
            b'\'' => character(text, at, end),
            _ => None,
        },
        Language::CSharp => csharp(text, at, end),
        Language::Ruby => ruby(text, at, end, value_may_begin),
        Language::Php => match rest[0] {
            b'"' => read(
                1,
                &Style {
                    lines: true,
                    holes: Holes::DollarName,
                    ..simple(b"\"")
                },
            ),
            b'\'' => read(
                1,
                &Style {
                    lines: true,
                    ..simple(b"'")
                },
            ),
            b'<' if begins(b"<<<") => heredoc(text, at, end, 3, true),
            _ => None,
        },
        Language::Rust => rust(text, at, end),
        Language::Sql | Language::Xml | Language::Yaml | Language::Properties => None,
    }
}

fn python(text: &str, at: usize, end: usize) -> Option<Found> {
    let rest = &text.as_bytes()[at..end];
    let letters = rest
        .iter()
        .take(3)
        .take_while(|byte| byte.is_ascii_alphabetic())
        .count();
    if letters > 2 {
        return None;
    }
    let prefix = rest[..letters].to_ascii_lowercase();
    if !prefix.iter().all(|byte| b"rbuft".contains(byte)) {
        return None;
    }
    let quote = *rest.get(letters)?;
    let (triple, single): (&[u8], &[u8]) = match quote {
        b'"' => (b"\"\"\"", b"\""),
        b'\'' => (b"'''", b"'"),
        _ => return None,
    };
    let lines = rest[letters..].starts_with(triple);
    let close = if lines { triple } else { single };
    let style = Style {
        close,
        backslash: !prefix.contains(&b'r'),
        doubled: false,
        lines,
        holes: if prefix.contains(&b'f') {
            Holes::Brace
        } else {
            Holes::None
        },
    };
    read(text, at, at + letters + close.len(), end, &style)
}

fn csharp(text: &str, at: usize, end: usize) -> Option<Found> {
    let rest = &text.as_bytes()[at..end];
    let marks = rest
        .iter()
        .take_while(|byte| matches!(byte, b'$' | b'@'))
        .count();
    if rest.get(marks) == Some(&b'\'') && marks == 0 {
        return character(text, at, end);
    }
    if rest.get(marks) != Some(&b'"') {
        return None;
    }
    let holes = if rest[..marks].contains(&b'$') {
        Holes::Brace
    } else {
        Holes::None
    };
    let verbatim = rest[..marks].contains(&b'@');
    let quotes = rest[marks..]
        .iter()
        .take_while(|byte| **byte == b'"')
        .count();
    if quotes >= 3 && !verbatim {
        let style = Style {
            close: &rest[marks..marks + quotes],
            backslash: false,
            doubled: false,
            lines: true,
            holes,
        };
        return read(text, at, at + marks + quotes, end, &style);
    }
    let style = Style {
        close: b"\"",
        backslash: !verbatim,
        doubled: verbatim,
        lines: verbatim,
        holes,
    };
    read(text, at, at + marks + 1, end, &style)
}

fn rust(text: &str, at: usize, end: usize) -> Option<Found> {
    let rest = &text.as_bytes()[at..end];
    let letters = rest
        .iter()
        .take(2)
        .take_while(|byte| matches!(byte, b'r' | b'b' | b'c'))
        .count();
    if letters == 0 && rest[0] == b'\'' {
        return character(text, at, end);
    }
    let raw = rest[..letters].contains(&b'r');
    let hashes = if raw {
        rest[letters..]
            .iter()
            .take_while(|byte| **byte == b'#')
            .count()
    } else {
        0
    };
    if rest.get(letters + hashes) != Some(&b'"') {
        return None;
    }
    let close: Vec<u8> = std::iter::once(b'"')
        .chain(std::iter::repeat_n(b'#', hashes))
        .collect();
    let style = Style {
        close: &close,
        backslash: !raw,
        doubled: false,
        lines: true,
        holes: Holes::None,
    };
    read(text, at, at + letters + hashes + 1, end, &style)
}

fn ruby(text: &str, at: usize, end: usize, value_may_begin: bool) -> Option<Found> {
    let rest = &text.as_bytes()[at..end];
    let style = |close, holes| Style {
        close,
        backslash: true,
        doubled: false,
        lines: true,
        holes,
    };
    match rest[0] {
        b'"' => read(text, at, at + 1, end, &style(b"\"", Holes::HashBrace)),
        b'\'' => read(text, at, at + 1, end, &style(b"'", Holes::None)),
        b'`' => read(text, at, at + 1, end, &style(b"`", Holes::HashBrace)),
        b'<' if rest.starts_with(b"<<~") || rest.starts_with(b"<<-") => {
            heredoc(text, at, end, 3, false)
        }
        b'<' if rest.starts_with(b"<<") && rest.get(2).is_some_and(u8::is_ascii_uppercase) => {
            heredoc(text, at, end, 2, false)
        }
        b'%' if value_may_begin => {
            let letter = rest
                .get(1)
                .copied()
                .filter(|byte| matches!(byte, b'q' | b'Q'));
            let open = 1 + usize::from(letter.is_some());
            let close: &[u8] = match rest.get(open)? {
                b'(' => b")",
                b'{' => b"}",
                b'[' => b"]",
                b'|' => b"|",
                _ => return None,
            };
            let holes = if letter == Some(b'q') {
                Holes::None
            } else {
                Holes::HashBrace
            };
            read(text, at, at + open + 1, end, &style(close, holes))
        }
        _ => None,
    }
}

/// `<<~NAME`, `<<-"NAME"`, `<<<'NAME'`: the body begins on the next line.
fn heredoc(text: &str, at: usize, end: usize, open: usize, php: bool) -> Option<Found> {
    let rest = &text[at + open..end];
    let blank = if php {
        rest.len() - rest.trim_start_matches([' ', '\t']).len()
    } else {
        0
    };
    let rest = &rest[blank..];
    let quote = rest
        .bytes()
        .next()
        .filter(|byte| matches!(byte, b'"' | b'\'' | b'`'));
    let named = usize::from(quote.is_some());
    let length = rest[named..]
        .bytes()
        .take_while(|byte| is_word(*byte))
        .count();
    if length == 0 {
        return None;
    }
    let name = &rest[named..named + length];
    let opening = at + open + blank + named * 2 + length;
    let body = opening + text.get(opening..end)?.find('\n')? + 1;
    let mut line = body;
    while line < end {
        let next = text[line..end].find('\n').map_or(end, |i| line + i + 1);
        let trimmed = text[line..next].trim_start();
        let closes =
            trimmed.starts_with(name) && !trimmed[name.len()..].bytes().next().is_some_and(is_word);
        if closes {
            let style = Style {
                close: b"",
                backslash: quote != Some(b'\''),
                doubled: false,
                lines: true,
                holes: match (quote, php) {
                    (Some(b'\''), _) => Holes::None,
                    (_, true) => Holes::DollarName,
                    (_, false) => Holes::HashBrace,
                },
            };
            let literal = body_pieces(text, body, line, &style);
            let name_end = next - trimmed.len() + name.len();
            // PHP goes on behind the closing name; Ruby behind the opening one.
            return Some(if php {
                Found {
                    end: name_end,
                    body_end: None,
                    literal,
                }
            } else {
                Found {
                    end: opening,
                    body_end: Some(next),
                    literal,
                }
            });
        }
        line = next;
    }
    None
}

fn body_pieces(text: &str, start: usize, end: usize, style: &Style) -> Literal {
    let mut reader = Reader {
        text,
        end,
        pieces: Vec::new(),
    };
    reader.run(start, style);
    Literal {
        pieces: reader.pieces,
        template: true,
    }
}

/// `'x'`, `'\n'`: a character; a lifetime of Rust is none.
fn character(text: &str, at: usize, end: usize) -> Option<Found> {
    let bytes = &text.as_bytes()[at..end];
    let close = if bytes.get(1) == Some(&b'\\') {
        bytes
            .iter()
            .skip(3)
            .take(10)
            .position(|byte| *byte == b'\'')
            .map(|i| i + 3)?
    } else {
        let length = text[at + 1..end].chars().next()?.len_utf8();
        (bytes.get(1 + length) == Some(&b'\'')).then_some(1 + length)?
    };
    Some(Found {
        end: at + close + 1,
        body_end: None,
        literal: Literal {
            pieces: Vec::new(),
            template: false,
        },
    })
}

fn read(text: &str, at: usize, from: usize, end: usize, style: &Style) -> Option<Found> {
    let mut reader = Reader {
        text,
        end,
        pieces: Vec::new(),
    };
    let close = reader.run(from, style)?;
    let template = reader
        .pieces
        .iter()
        .any(|piece| matches!(piece, Piece::Hole { .. }))
        || style.lines && text[at..close].contains('\n');
    Some(Found {
        end: close,
        body_end: None,
        literal: Literal {
            pieces: reader.pieces,
            template,
        },
    })
}
