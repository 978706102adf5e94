//! Texts as the running program would put them together.
//!
//! Owns concatenation, templates, appending to a variable, and constants of the same file. What
//! only the running program knows becomes a hole. Where branches append differently, all of them
//! are taken one behind the other: for the question which tables are named that is the answer.

use std::collections::HashMap;

use super::mapped::Mapped;
use super::symbols::Symbols;
use super::{Code, Kind, Piece};
use crate::language::Language;

/// A text that the program makes.
#[derive(Debug, Clone)]
pub(crate) struct Assembled {
    pub(crate) mapped: Mapped,
    /// The function that it is handed to, without its receiver.
    pub(crate) sink: Option<String>,
    /// The byte of the file where it begins.
    pub(crate) start: usize,
    pub(crate) made_of: MadeOf,
}

/// How a text came to be; the later, the less sure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum MadeOf {
    Literal,
    Template,
    Concatenation,
    /// Pieces appended over several statements.
    Building,
}

/// What a file assembles, and its constants for others.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    pub(crate) texts: Vec<Assembled>,
    /// Names (`CUSTOMERS`, `Tables.CUSTOMERS`) and short texts that they stand for.
    pub(crate) constants: Vec<(String, String)>,
}

struct Assembler<'a, 'c> {
    code: &'c Code<'a>,
    symbols: &'c Symbols,
    /// Literals that are part of a text already.
    taken: Vec<bool>,
    /// Variables by function and name.
    variables: HashMap<(usize, String), Assembled>,
    out: Texts,
    /// For each token: which open parenthesis it stands in.
    around: Vec<Option<usize>>,
}

pub(crate) fn assemble(code: &Code, symbols: &Symbols) -> Texts {
    let mut assembler = Assembler {
        code,
        symbols,
        taken: vec![false; code.tokens.len()],
        variables: HashMap::new(),
        out: Texts::default(),
        around: around(code),
    };
    for at in 0..code.tokens.len() {
        assembler.visit(at);
    }
    let mut rest: Vec<Assembled> = std::mem::take(&mut assembler.variables)
        .into_values()
        .collect();
    rest.sort_by_key(|text| text.start);
    assembler.out.texts.extend(rest);
    assembler.out
}

fn around(code: &Code) -> Vec<Option<usize>> {
    let mut open: Vec<usize> = Vec::new();
    (0..code.tokens.len())
        .map(|i| {
            if matches!(code.mark(i), Some(b')' | b']' | b'}'))
                && open.last() == Some(&code.partner(i))
            {
                open.pop();
            }
            let inside = open.last().copied();
            if matches!(code.mark(i), Some(b'(' | b'[' | b'{'))
                && code.partner(i) < code.tokens.len()
            {
                open.push(i);
            }
            inside
        })
        .collect()
}

/// What is done with a text.
enum Use {
    Assign(String),
    Append(String),
    Hand,
}

impl Assembler<'_, '_> {
    fn visit(&mut self, at: usize) {
        let literal = matches!(self.code.tokens[at].kind, Kind::Literal(_));
        if literal && self.taken[at] {
            return;
        }
        if !literal {
            // A name counts where a text is put behind it, or where it stands for one.
            let starts = self.code.word(at).is_some()
                && !self.continues(at)
                && self
                    .operand_end(at)
                    .is_some_and(|end| self.operator(end).is_some());
            if !starts {
                return;
            }
        }
        if self.is_remark(at) {
            self.taken[at] = true;
            return;
        }
        let Some((mapped, made_of)) = self.expression(at) else {
            return;
        };
        let start = self.code.tokens[at].start;
        let text = Assembled {
            mapped,
            sink: self.sink(at),
            start,
            made_of,
        };
        self.put(at, text);
    }

    /// The token before says that this is the middle of an operand or of an expression.
    fn continues(&self, at: usize) -> bool {
        at > 0
            && (matches!(self.code.mark(at - 1), Some(b'.' | b'@'))
                || self
                    .operator(at - 1)
                    .is_some_and(|end| end == at && self.code.mark(at - 1) == Some(b'+')))
    }

    /// A docstring, or a text that is a statement of its own.
    fn is_remark(&self, at: usize) -> bool {
        self.code.language == Language::Python
            && self.code.tokens[at].fresh_line
            && self.around[at].is_none()
            && self
                .code
                .tokens
                .get(at + 1)
                .is_none_or(|next| next.fresh_line)
            && (at == 0
                || !matches!(
                    self.code.mark(at - 1),
                    Some(b'+' | b'=' | b',' | b'\\' | b'%')
                ))
    }

    fn put(&mut self, at: usize, mut text: Assembled) {
        let function = self.symbols.function(text.start);
        match self.purpose(at) {
            Use::Hand => self.out.texts.push(text),
            Use::Assign(name) => {
                self.constant(at, &name, &text);
                if let Some(old) = self.variables.insert((function, name), text) {
                    self.out.texts.push(old);
                }
            }
            Use::Append(name) => {
                let key = (function, name);
                if let Some(whole) = self.variables.get_mut(&key) {
                    whole.mapped.append(&text.mapped);
                    whole.made_of = MadeOf::Building;
                } else {
                    text.made_of = MadeOf::Building;
                    self.variables.insert(key, text);
                }
            }
        }
    }

    fn constant(&mut self, at: usize, name: &str, text: &Assembled) {
        let value = &text.mapped.text;
        if value.len() > 2_000 || !text.mapped.holes.is_empty() {
            return;
        }
        if self.symbols.function(text.start) != 0 {
            return;
        }
        self.out.constants.push((name.to_owned(), value.clone()));
        let class = self
            .symbols
            .class(self.code.tokens[at].start)
            .map(str::to_owned)
            .or_else(|| self.object(at));
        if let Some(class) = class {
            self.out
                .constants
                .push((format!("{class}.{name}"), value.clone()));
        }
    }

    /// `const Tables = { CUSTOMERS: 'customers' }`: the name before the brace around.
    fn object(&self, at: usize) -> Option<String> {
        let open = self.around[at].filter(|open| self.code.is_mark(*open, b'{'))?;
        let before = open.checked_sub(1)?;
        if self.code.is_mark(before, b'=') {
            return self.code.word(before.checked_sub(1)?).map(str::to_owned);
        }
        self.code.word(before).map(str::to_owned)
    }

    /// The text that begins at `at` and all that is put behind it; `None` without any literal.
    fn expression(&mut self, at: usize) -> Option<(Mapped, MadeOf)> {
        let mut mapped = Mapped::default();
        let mut made_of = MadeOf::Literal;
        let (mut next, mut literals) = (at, 0_usize);
        loop {
            if self.code.literal(next).is_some() {
                literals += 1;
                self.taken[next] = true;
                if self.literal(next, &mut mapped) {
                    made_of = made_of.max(MadeOf::Template);
                }
                next += 1;
            } else {
                let end = self.operand_end(next)?;
                literals += self.operand(next, end, &mut mapped);
                next = end;
            }
            // Calls on a text leave it what it is: `"…".trimIndent()`, `"…".format(x)`.
            while self.code.is_mark(next, b'.')
                && self.code.word(next + 1).is_some()
                && self.code.is_mark(next + 2, b'(')
                && (self.code.language != Language::Php)
            {
                next = self.code.partner(next + 2).saturating_add(1);
            }
            match self.operator(next) {
                Some(end) => {
                    made_of = made_of.max(MadeOf::Concatenation);
                    next = end;
                }
                None => break,
            }
        }
        (literals > 0).then_some((mapped, made_of))
    }

    /// Behind the operator that concatenates, if one stands at `at` (or none is needed).
    fn operator(&self, at: usize) -> Option<usize> {
        let language = self.code.language;
        if self
            .code
            .mark(at)
            .is_some_and(|mark| language.concatenates(mark))
        {
            // `+=`, `.=`, `++` are others.
            return (!matches!(self.code.mark(at + 1), Some(b'=' | b'+'))).then_some(at + 1);
        }
        let adjacent = language.joins_adjacent()
            && at > 0
            && self.code.literal(at).is_some()
            && self.code.literal(at - 1).is_some()
            && (!self.code.tokens[at].fresh_line || self.around[at].is_some());
        adjacent.then_some(at)
    }

    /// Puts a literal behind the text; does it have holes or lines?
    fn literal(&self, at: usize, mapped: &mut Mapped) -> bool {
        let Some(literal) = self.code.literal(at) else {
            return false;
        };
        for piece in &literal.pieces {
            match piece {
                Piece::Raw { start, end } => mapped.push(&self.code.text[*start..*end], *start),
                Piece::Escaped { text, start } => mapped.push(text, *start),
                Piece::Hole { start, end } => self.hole(*start, *end, mapped),
            }
        }
        literal.template
    }

    /// The inside of `${…}`: a known name, texts to choose from, or unknown.
    fn hole(&self, start: usize, end: usize, mapped: &mut Mapped) {
        let part = self.code.part(start, end);
        if part
            .tokens
            .iter()
            .all(|token| matches!(token.kind, Kind::Word | Kind::Mark(b'.')))
        {
            let name: String = self.code.text[start..end]
                .chars()
                .filter(|c| !c.is_whitespace())
                .collect();
            if !self.known(&name, start, mapped) {
                mapped.push_hole(start, Some(name));
            }
            return;
        }
        let mut any = false;
        for i in 0..part.tokens.len() {
            let Some(literal) = part.literal(i) else {
                continue;
            };
            let length: usize = literal
                .pieces
                .iter()
                .map(|piece| match piece {
                    Piece::Raw { start, end } => end - start,
                    _ => 1,
                })
                .sum();
            if length < 4 {
                continue;
            }
            any = true;
            mapped.push(" ", start);
            for piece in &literal.pieces {
                match piece {
                    Piece::Raw { start, end } => mapped.push(&self.code.text[*start..*end], *start),
                    Piece::Escaped { text, start } => mapped.push(text, *start),
                    Piece::Hole { start, .. } => mapped.push_hole(*start, None),
                }
            }
        }
        if !any {
            mapped.push_hole(start, None);
        }
    }

    /// Puts a variable's text behind, if the file says what it is.
    fn known(&self, name: &str, origin: usize, mapped: &mut Mapped) -> bool {
        let last = name.rsplit(['.', ':', '>']).next().unwrap_or(name);
        let function = self.symbols.function(origin);
        let found = self
            .variables
            .get(&(function, last.to_owned()))
            .or_else(|| self.variables.get(&(0, last.to_owned())));
        if let Some(text) = found {
            // A name alone is of interest where it is put in; a statement where it is written.
            if text.mapped.text.contains(char::is_whitespace) {
                mapped.append(&text.mapped);
            } else {
                mapped.push_at(&text.mapped.text, origin);
            }
        }
        found.is_some()
    }

    /// Puts what is no literal behind the text; gives how many literals it holds.
    fn operand(&mut self, at: usize, end: usize, mapped: &mut Mapped) -> usize {
        let origin = self.code.tokens[at].start;
        let plain = (at..end).all(|i| {
            matches!(
                self.code.tokens[i].kind,
                Kind::Word | Kind::Mark(b'.' | b':' | b'-' | b'>')
            )
        });
        if plain {
            let name: String = (at..end)
                .map(|i| &self.code.text[self.code.tokens[i].start..self.code.tokens[i].end])
                .collect::<String>()
                .replace("->", ".")
                .replace("::", ".");
            if !self.known(&name, origin, mapped) {
                mapped.push_hole(origin, Some(name));
            }
            return 0;
        }
        // `(cond ? " JOIN a …" : "")`: both texts.
        if self.code.is_mark(at, b'(') {
            let literals: Vec<usize> = (at..end)
                .filter(|&i| self.code.literal(i).is_some())
                .collect();
            for &i in &literals {
                self.taken[i] = true;
                self.literal(i, mapped);
                mapped.push(" ", origin);
            }
            if !literals.is_empty() {
                return literals.len();
            }
        }
        mapped.push_hole(origin, None);
        0
    }

    /// Behind a chain of names, calls and indexes, or a group in parentheses.
    fn operand_end(&self, at: usize) -> Option<usize> {
        let mut end = match self.code.tokens.get(at)?.kind {
            Kind::Word | Kind::Number => at + 1,
            Kind::Mark(b'(' | b'[') => self.code.partner(at).checked_add(1)?,
            Kind::Literal(_) => return Some(at + 1),
            Kind::Mark(_) => return None,
        };
        loop {
            end = match self.code.mark(end) {
                Some(b'(' | b'[') if !self.code.tokens[end].fresh_line => {
                    self.code.partner(end) + 1
                }
                Some(b'.')
                    if self.code.language != Language::Php && self.code.word(end + 1).is_some() =>
                {
                    end + 2
                }
                Some(b'?') if self.code.is_mark(end + 1, b'.') => end + 2,
                Some(b':')
                    if self.code.is_mark(end + 1, b':') && self.code.word(end + 2).is_some() =>
                {
                    end + 3
                }
                Some(b'-')
                    if self.code.is_mark(end + 1, b'>') && self.code.word(end + 2).is_some() =>
                {
                    end + 3
                }
                Some(b'!')
                    if self.code.language == Language::Script
                        && !self.code.is_mark(end + 1, b'=') =>
                {
                    end + 1
                }
                _ => return (end <= self.code.tokens.len()).then_some(end),
            };
        }
    }

    /// What the code does with the text that begins at `at`.
    fn purpose(&self, at: usize) -> Use {
        if let Some(name) = at.checked_sub(1).and_then(|before| self.assigned(before)) {
            return name;
        }
        let Some(open) = self.around[at] else {
            return Use::Hand;
        };
        // `(` around the whole right side: `sql = ("a" "b")`.
        if self.code.is_mark(open, b'(')
            && open + 1 == at
            && let Some(before) = open.checked_sub(1)
            && let Some(name) = self.assigned(before)
        {
            return name;
        }
        if self.code.is_mark(open, b'(') && open + 1 == at {
            let callee = open
                .checked_sub(1)
                .and_then(|i| self.code.word(i).map(|word| (i, word)));
            // Rust's `let mut sql = String::from("…")`.
            if let Some((i, "from")) = callee
                && self.code.language == Language::Rust
                && self.code.is(i.wrapping_sub(3), "String")
                && let Some(name) = i.checked_sub(4).and_then(|before| self.assigned(before))
            {
                return name;
            }
            if let Some((i, word)) = callee
                && (is_append(word) || is_builder(word))
                && let Some(name) = self.root(i)
            {
                return Use::Append(name);
            }
        }
        Use::Hand
    }

    /// The variable that the operator at `at` gives a value.
    fn assigned(&self, at: usize) -> Option<Use> {
        let mark = self.code.mark(at)?;
        let before = at.checked_sub(1)?;
        let name = |i: usize| {
            self.code
                .word(i)
                .map(|word| word.trim_start_matches('$').to_owned())
        };
        if mark == b'<' && self.code.is_mark(before, b'<') {
            return name(before.checked_sub(1)?).map(Use::Append);
        }
        if mark == b':' && self.around[at].is_some_and(|open| self.code.is_mark(open, b'{')) {
            return name(before).map(Use::Assign);
        }
        if mark != b'=' {
            return None;
        }
        match self.code.mark(before) {
            Some(b'+' | b'.') => name(before.checked_sub(1)?).map(Use::Append),
            Some(b':') => name(before.checked_sub(1)?).map(Use::Assign),
            Some(_) => None,
            None => {
                // `sql: string = …`, `const sql: &str = …`: the name stands before its type.
                let typed = (1..=3).find_map(|back| {
                    let colon = before.checked_sub(back)?;
                    (self.code.is_mark(colon, b':')
                        && !self.code.is_mark(colon.wrapping_sub(1), b':'))
                    .then(|| colon.checked_sub(1))?
                });
                let go = self.code.language == Language::Go && self.code.is(before, "string");
                match typed {
                    Some(i) if self.code.language != Language::Python || i > 0 => {
                        name(i).map(Use::Assign)
                    }
                    _ if go => name(before.checked_sub(1)?).map(Use::Assign),
                    _ => name(before).map(Use::Assign),
                }
            }
        }
    }

    /// The variable at the beginning of a chain of calls: `sql` of `sql.append("a").append("b")`,
    /// also of `sql = new StringBuilder("a").append("b")`.
    fn root(&self, callee: usize) -> Option<String> {
        let mut at = callee;
        for _ in 0..200 {
            let before = at.checked_sub(1)?;
            if self.code.is_mark(before, b'.') || self.code.is_mark(before, b'>') {
                let step = if self.code.is_mark(before, b'>') {
                    2
                } else {
                    1
                };
                let end = at.checked_sub(step + 1)?;
                if self.code.is_mark(end, b')') {
                    at = self.code.partner(end).checked_sub(1)?;
                    continue;
                }
                at = end;
                continue;
            }
            if self.code.is(before, "new") {
                let equals = before.checked_sub(1)?;
                return match self.assigned(equals) {
                    Some(Use::Assign(name)) => Some(name),
                    _ => Some(format!("new@{before}")),
                };
            }
            if let Some(Use::Assign(name)) = self.assigned(before)
                && is_builder(self.code.word(at)?)
            {
                return Some(name);
            }
            break;
        }
        self.code
            .word(at)
            .map(|word| word.trim_start_matches('$').to_owned())
    }

    /// The function whose argument begins at `at`; of a template, its tag.
    fn sink(&self, at: usize) -> Option<String> {
        let before = at.checked_sub(1)?;
        if let Some(tag) = self.code.word(before)
            && self.code.language == Language::Script
            && self.code.text.as_bytes().get(self.code.tokens[at].start) == Some(&b'`')
            && tag != "return"
        {
            return Some(tag.to_owned());
        }
        let mut open = self.around[at];
        for _ in 0..4 {
            let place = open?;
            // Through an object that is handed over, not out of a block.
            let handed = place
                .checked_sub(1)
                .and_then(|before| self.code.mark(before));
            if self.code.is_mark(place, b'{') && !matches!(handed, Some(b'(' | b',' | b'[')) {
                return None;
            }
            if self.code.is_mark(place, b'(')
                && let Some(before) = place.checked_sub(1)
            {
                // `query<Row>(…)`
                let name = if self.code.is_mark(before, b'>') {
                    (before.saturating_sub(12)..before)
                        .rev()
                        .find(|&i| self.code.is_mark(i, b'<'))
                        .and_then(|i| i.checked_sub(1))
                } else if self.code.is_mark(before, b'!') {
                    before.checked_sub(1)
                } else {
                    Some(before)
                };
                if let Some(word) = name.and_then(|i| self.code.word(i)) {
                    return Some(word.to_owned());
                }
            }
            open = self.around[place];
        }
        None
    }
}

fn is_append(word: &str) -> bool {
    matches!(
        word,
        "append"
            | "Append"
            | "appendLine"
            | "AppendLine"
            | "AppendFormat"
            | "WriteString"
            | "push"
            | "concat"
            | "push_str"
            | "appendln"
    )
}

fn is_builder(word: &str) -> bool {
    matches!(word, "StringBuilder" | "StringBuffer")
}
