//! A file of SQL, taken apart into the statements that a server is sent one by one.
//!
//! Owns where statements end. What a dialect nests is in `postgres`, `mysql`, `sqlite` and
//! `oracle`; what its command-line client reads for itself is in `client`. Understands no more
//! of a statement than that takes: see [`crate::facts()`] for the rest.

mod client;
mod head;
mod mysql;
mod nesting;
mod oracle;
mod position;
mod postgres;

mod sqlite;
#[cfg(test)]
mod tests;

use crate::lexer::{Lexer, Opening, Token, TokenKind};
use crate::seen::Seen;
use crate::{Dialect, SplitError, SplitTrouble};
use client::Client;
use nesting::Nesting;
use position::Position;

/// One statement of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// From its first token to its last, comments between them included, without the terminator
    /// (but a PL/SQL block keeps its last semicolon, which belongs to it).
    pub text: String,
    /// Line of the first token in the file, from 1.
    pub line: usize,
    /// Column of the first token in characters, from 1.
    pub column: usize,
}

/// Takes `text` apart. What holds nothing but comments is left out. For SQL Server a statement is
/// a batch: the text between two `GO` lines, as often as the `GO` says.
///
/// The rules are those of each dialect's own client (`psql`, `mysql`, `sqlite3`, `sqlcmd`,
/// `SQL*Plus`), and beyond them MySQL bodies with `BEGIN … END` stay whole without `DELIMITER`.
/// Takes time linear in the text.
pub fn split(dialect: Dialect, text: &str) -> Result<Vec<Statement>, SplitError> {
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    if let Some(offset) = text.find('\0') {
        return Err(error_at(text, offset, SplitTrouble::Nul));
    }
    let mut splitter = Splitter {
        dialect,
        text,
        lexer: Lexer::new(dialect, text),
        delimiter: false,
        piece: None,
        position: Position::new(text),
        statements: Vec::new(),
    };
    while let Some(token) = splitter.lexer.next() {
        splitter.take(token)?;
    }
    splitter.finish()?;
    Ok(splitter.statements)
}

/// The statement that is being read.
struct Piece {
    start: usize,
    end: usize,
    /// It holds more than hints.
    says_something: bool,
    nesting: Nesting,
}

struct Splitter<'a> {
    dialect: Dialect,
    text: &'a str,
    lexer: Lexer<'a>,
    /// A `DELIMITER` other than `;` is set.
    delimiter: bool,
    piece: Option<Piece>,
    position: Position<'a>,
    statements: Vec<Statement>,
}

impl<'a> Splitter<'a> {
    fn take(&mut self, token: Token) -> Result<(), SplitError> {
        match token.kind {
            TokenKind::Space | TokenKind::Comment => return Ok(()),
            TokenKind::Open(opening) => {
                return Err(error_at(
                    self.text,
                    token.start,
                    open_trouble(self.text, token, opening),
                ));
            }
            TokenKind::Delimiter => {
                self.end_piece(1);
                return Ok(());
            }
            _ => {}
        }
        match client::read(
            self.dialect,
            self.text,
            token,
            self.piece.is_none(),
            &self.lexer,
        ) {
            Err(what) => return Err(error_at(self.text, token.start, what)),
            Ok(Client::Not) => {}
            Ok(Client::End { times, resume }) => {
                self.end_piece(times);
                self.lexer.skip_to(resume);
                return Ok(());
            }
            Ok(Client::Delimiter { delimiter, resume }) => {
                self.lexer.skip_to(resume);
                self.lexer.set_delimiter(delimiter);
                self.delimiter = delimiter.is_some();
                return Ok(());
            }
        }
        let seen = Seen::new(token, self.text);
        if seen.is_symbol(";") && self.semicolon_ends() {
            self.end_piece(1);
            return Ok(());
        }
        self.push(seen)
    }

    fn semicolon_ends(&self) -> bool {
        match &self.piece {
            None => true,
            // MySQL's own comment that it executes: no server takes half of one.
            Some(_) if self.lexer.open_executable().is_some() => false,
            Some(piece) if self.delimiter => !piece.nesting.is_routine(),
            Some(piece) => piece.nesting.ends_at_semicolon(),
        }
    }

    fn push(&mut self, seen: Seen<'a>) -> Result<(), SplitError> {
        let token = seen.token;
        let piece = self.piece.get_or_insert_with(|| Piece {
            start: token.start,
            end: token.end,
            says_something: false,
            nesting: Nesting::new(self.dialect),
        });
        // After `END;` and before a delimiter of its own a semicolon says nothing more, nor does
        // a hint behind everything.
        let trailing = self.dialect.is_mysql_like() && seen.is_symbol(";");
        if !trailing && token.kind != TokenKind::Hint {
            piece.end = token.end;
        }
        piece.says_something |= !seen.is_marker();
        let (text, lexer) = (self.text, &self.lexer);
        let next = || lexer.peek_significant().map(|token| Seen::new(token, text));
        match piece.nesting.token(seen, next) {
            Ok(()) => Ok(()),
            Err(what) => Err(error_at(text, piece.start, what)),
        }
    }

    fn end_piece(&mut self, times: usize) {
        let Some(piece) = self.piece.take().filter(|piece| piece.says_something) else {
            return;
        };
        let (line, column) = self.position.advance_to(piece.start);
        let statement = Statement {
            text: self.text[piece.start..piece.end].to_owned(),
            line,
            column,
        };
        self.statements
            .extend(std::iter::repeat_n(statement, times));
    }

    fn finish(&mut self) -> Result<(), SplitError> {
        if let Some(offset) = self.lexer.open_executable() {
            return Err(error_at(self.text, offset, SplitTrouble::OpenComment));
        }
        // With a delimiter of its own the file itself says where its routines end.
        let unclosed = self
            .piece
            .as_ref()
            .and_then(|piece| piece.nesting.unclosed());
        if let Some((offset, what)) = unclosed.filter(|_| !self.delimiter) {
            return Err(error_at(
                self.text,
                offset,
                SplitTrouble::OpenBlock { what },
            ));
        }
        self.end_piece(1);
        Ok(())
    }
}

fn error_at(text: &str, offset: usize, what: SplitTrouble) -> SplitError {
    let (line, column) = Position::new(text).advance_to(offset);
    SplitError { line, column, what }
}

fn open_trouble(text: &str, token: Token, opening: Opening) -> SplitTrouble {
    let rest = token.text(text);
    match opening {
        Opening::Comment => SplitTrouble::OpenComment,
        Opening::DollarQuote => {
            let tag_end = rest[1..].find('$').map_or(rest.len(), |end| end + 2);
            let tag = rest[..tag_end].to_owned();
            SplitTrouble::OpenDollarQuote { tag }
        }
        Opening::Quote => {
            let quote_at = rest.find(['\'', '"', '`', '[']).unwrap_or(0);
            let quote = rest[quote_at..].chars().next().unwrap_or('\'');
            let alternative = rest[..quote_at].ends_with(['q', 'Q']);
            let bracket = rest[quote_at + quote.len_utf8()..]
                .chars()
                .next()
                .filter(|_| alternative);
            let open = match bracket {
                Some(bracket) => format!("{}{quote}{bracket}", &rest[..quote_at]),
                None => format!("{}{quote}", &rest[..quote_at]),
            };
            let close = match (quote, bracket) {
                (_, Some('[')) => "]'".to_owned(),
                (_, Some('{')) => "}'".to_owned(),
                (_, Some('(')) => ")'".to_owned(),
                (_, Some('<')) => ">'".to_owned(),
                (_, Some(other)) => format!("{other}'"),
                ('[', None) => "]".to_owned(),
                (quote, None) => quote.to_string(),
            };
            SplitTrouble::OpenQuote { open, close }
        }
    }
}
