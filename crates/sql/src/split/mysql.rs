//! What nests in MySQL and MariaDB: the bodies of routines, triggers and events.
//!
//! Owns the reading of `BEGIN … END`, IF, CASE, LOOP, WHILE, REPEAT and FOR without `DELIMITER`,
//! as the server itself would take the text for one statement. The same words are functions
//! (`IF(a, b, c)`), expressions (`CASE … END`) and plain column names (`end`), so each counts
//! only where a statement of the body begins.

use super::head::Head;
use crate::lexer::TokenKind;
use crate::seen::Seen;

const ROUTINES: &[&str] = &["TRIGGER", "PROCEDURE", "FUNCTION", "EVENT"];

/// Words that a statement of a body begins with, where it is not plain that one does.
const STATEMENTS: &[&str] = &[
    "BEGIN", "IF", "CASE", "LOOP", "WHILE", "REPEAT", "FOR", "RETURN", "SET", "SELECT", "INSERT",
    "UPDATE", "DELETE", "REPLACE", "CALL", "WITH", "SIGNAL", "RESIGNAL", "DECLARE", "LEAVE",
    "ITERATE", "COMMIT", "ROLLBACK", "START", "TRUNCATE", "CREATE", "DROP", "ALTER", "EXECUTE",
    "PREPARE", "OPEN", "FETCH", "CLOSE", "GET", "DO", "VALUES",
];

const CLOSED_BY_NAME: &[&str] = &["IF", "CASE", "LOOP", "WHILE", "REPEAT", "FOR"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Frame {
    Block,
    If,
    CaseStatement,
    CaseExpression,
    Loop,
    /// Before its DO.
    While,
    WhileBody,
    Repeat,
    /// After UNTIL, where END needs no semicolon before it.
    Until,
    /// Before its DO.
    For,
    ForBody,
}

/// The token before, as far as it decides what comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Previous {
    #[default]
    Other,
    Dot,
    Equals,
    /// A word where a statement begins: a label, if a colon follows.
    Label,
    Each,
    Handler,
    /// `CHARACTER`, `CHAR`, `RETURNS`: SET after them is no statement.
    BeforeSet,
}

#[derive(Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a separate thing to remember"
)]
pub(super) struct MysqlBlocks {
    /// MariaDB runs compound statements outside of routines as well.
    compound: bool,
    head: Head,
    /// The header is read: what follows is the body.
    started: bool,
    frames: Vec<(Frame, usize)>,
    /// The next token begins a statement of the body.
    at_statement: bool,
    /// The next statement word begins one: after a routine's header, after a handler's FOR.
    awaiting: bool,
    in_declare: bool,
    /// The next word may repeat what END closes.
    closing: bool,
    parens: usize,
    previous: Previous,
}

impl MysqlBlocks {
    pub(super) fn new(compound: bool) -> Self {
        Self {
            compound,
            ..Self::default()
        }
    }

    pub(super) fn is_routine(&self) -> bool {
        self.started || matches!(self.head, Head::Routine(_))
    }

    pub(super) fn ends_at_semicolon(&self) -> bool {
        self.frames.is_empty()
    }

    pub(super) fn unclosed(&self) -> Option<(usize, &'static str)> {
        let (frame, start) = *self.frames.last()?;
        let what = match frame {
            Frame::Block => "BEGIN",
            Frame::If => "IF",
            Frame::CaseStatement | Frame::CaseExpression => "CASE",
            Frame::Loop => "LOOP",
            Frame::While | Frame::WhileBody => "WHILE",
            Frame::Repeat | Frame::Until => "REPEAT",
            Frame::For | Frame::ForBody => "FOR",
        };
        Some((start, what))
    }

    /// Takes the next token; `next` looks at the one after it.
    pub(super) fn token<'a>(&mut self, seen: Seen<'a>, next: impl FnOnce() -> Option<Seen<'a>>) {
        // Only these two depend on what follows.
        let follows = if seen.is_any(&["BEGIN", "END"]) {
            next()
        } else {
            None
        };
        let follows = |words: &[&str]| follows.is_some_and(|next| next.is_any(words));
        if !self.started {
            self.header(seen, follows(&["NOT"]));
        }
        let at = std::mem::take(&mut self.at_statement);
        if self.started {
            self.body(seen, at, follows);
        }
        self.previous = match seen.token.kind {
            TokenKind::Symbol if seen.written == "." => Previous::Dot,
            TokenKind::Symbol if seen.written == "=" => Previous::Equals,
            TokenKind::Word if seen.is("EACH") => Previous::Each,
            TokenKind::Word if seen.is("HANDLER") => Previous::Handler,
            TokenKind::Word if seen.is_any(&["CHARACTER", "CHAR", "RETURNS"]) => {
                Previous::BeforeSet
            }
            TokenKind::Word | TokenKind::QuotedName if at => Previous::Label,
            _ => Previous::Other,
        };
    }

    /// Everything up to the first word of the body.
    fn header(&mut self, seen: Seen, before_not: bool) {
        let compound = seen.is_any(CLOSED_BY_NAME) || seen.is("BEGIN") && before_not;
        let starts = match self.head {
            Head::Start if self.compound && compound => true,
            Head::Routine(kind) => self.header_ends(seen, kind),
            _ => false,
        };
        if starts {
            self.started = true;
            self.at_statement = true;
            self.awaiting = false;
        }
        // ALTER EVENT may bring a new body.
        self.head = if self.head == Head::Start && seen.is("ALTER") {
            Head::Create
        } else {
            self.head
                .after(seen, self.previous == Previous::Equals, ROUTINES)
        };
    }

    fn header_ends(&mut self, seen: Seen, kind: &str) -> bool {
        if seen.is_symbol("(") {
            self.parens += 1;
        } else if seen.is_symbol(")") {
            self.parens = self.parens.saturating_sub(1);
        }
        if self.parens > 0 {
            return false;
        }
        if self.awaiting {
            let set = self.previous == Previous::BeforeSet && seen.is("SET");
            return seen.is_any(STATEMENTS) && !set;
        }
        self.awaiting = match kind {
            "TRIGGER" => self.previous == Previous::Each && seen.is("ROW"),
            "EVENT" => seen.is("DO"),
            _ => seen.is_symbol(")"),
        };
        false
    }

    fn body(&mut self, seen: Seen, at: bool, follows: impl Fn(&[&str]) -> bool) {
        if std::mem::take(&mut self.closing) && seen.is_any(CLOSED_BY_NAME) {
            return;
        }
        if seen.is_symbol(";") {
            self.at_statement = true;
            self.in_declare = false;
            self.awaiting = false;
            return;
        }
        if seen.is_symbol(":") {
            self.at_statement = self.previous == Previous::Label;
            return;
        }
        if self.previous == Previous::Dot || seen.token.kind != TokenKind::Word {
            return;
        }
        let at = at || std::mem::take(&mut self.awaiting) && self.awaited(seen);
        if at && self.statement(seen) {
            return;
        }
        let top = self.frames.last().map(|frame| frame.0);
        if seen.is("CASE") {
            self.frames.push((Frame::CaseExpression, seen.token.start));
        } else if seen.is("END") {
            self.end(top, at, follows);
        } else if seen.is_any(&["THEN", "ELSE"]) {
            self.at_statement = matches!(top, Some(Frame::If | Frame::CaseStatement));
        } else if seen.is("DO") && matches!(top, Some(Frame::While | Frame::For)) {
            let body = if top == Some(Frame::While) {
                Frame::WhileBody
            } else {
                Frame::ForBody
            };
            self.replace_top(body);
            self.at_statement = true;
        } else if seen.is("UNTIL") && at && top == Some(Frame::Repeat) {
            self.replace_top(Frame::Until);
        } else if seen.is("FOR") && self.in_declare && self.previous == Previous::Handler {
            self.awaiting = true;
        }
    }

    /// Whether the awaited statement begins here; if not, it is awaited further.
    fn awaited(&mut self, seen: Seen) -> bool {
        let begins = seen.is_any(STATEMENTS);
        self.awaiting = !begins;
        begins
    }

    /// A word where a statement begins: does it open a block, or announce what will?
    fn statement(&mut self, seen: Seen) -> bool {
        let opens = [
            ("BEGIN", Frame::Block, true),
            ("LOOP", Frame::Loop, true),
            ("REPEAT", Frame::Repeat, true),
            ("IF", Frame::If, false),
            ("CASE", Frame::CaseStatement, false),
            ("WHILE", Frame::While, false),
            ("FOR", Frame::For, false),
        ];
        if let Some((_, frame, statement_follows)) = opens.iter().find(|open| seen.is(open.0)) {
            self.frames.push((*frame, seen.token.start));
            self.at_statement = *statement_follows;
            return true;
        }
        if seen.is("DECLARE") {
            self.in_declare = true;
            return true;
        }
        // MariaDB: BEGIN NOT ATOMIC.
        if seen.is_any(&["NOT", "ATOMIC"]) {
            self.at_statement = true;
            return true;
        }
        false
    }

    fn end(&mut self, top: Option<Frame>, at: bool, follows: impl Fn(&[&str]) -> bool) {
        let closes = match top {
            Some(Frame::CaseExpression) => !at,
            Some(Frame::Until) => follows(&["REPEAT"]),
            Some(_) => at,
            None => false,
        };
        if closes {
            self.frames.pop();
            self.closing = !matches!(top, Some(Frame::Block | Frame::CaseExpression));
        }
    }

    fn replace_top(&mut self, frame: Frame) {
        if let Some(top) = self.frames.last_mut() {
            top.0 = frame;
        }
    }
}
