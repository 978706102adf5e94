//! Which class and function a place of a file stands in.
//!
//! Owns the names that findings are remembered by: they must survive reformatting and moving.

use super::{Code, Kind};
use crate::language::Language;

/// A declaration and the bytes that it covers.
#[derive(Debug, Clone)]
pub(crate) struct Symbol {
    pub(crate) name: String,
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// A class or the like, not a function.
    pub(crate) class: bool,
}

/// All declarations of a file, outer ones before inner ones; and of each the one around it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Symbols(pub(crate) Vec<Symbol>, Vec<Option<usize>>);

impl Symbols {
    pub(crate) fn of(code: &Code) -> Self {
        let mut found = if code.language.indents() {
            indented(code)
        } else {
            braced(code)
        };
        found.sort_by_key(|symbol| (symbol.start, std::cmp::Reverse(symbol.end)));
        let mut open: Vec<usize> = Vec::new();
        let mut parents = Vec::with_capacity(found.len());
        for (i, symbol) in found.iter().enumerate() {
            while open
                .last()
                .is_some_and(|&own| found[own].end <= symbol.start)
            {
                open.pop();
            }
            parents.push(open.last().copied());
            open.push(i);
        }
        Self(found, parents)
    }

    /// `Class.function` around byte `at`; empty at the top of a file.
    pub(crate) fn at(&self, at: usize) -> String {
        let names: Vec<&str> = self.around(at).map(|symbol| symbol.name.as_str()).collect();
        names.join(".")
    }

    /// Where the innermost function around `at` begins; 0 outside of any.
    pub(crate) fn function(&self, at: usize) -> usize {
        self.around(at)
            .filter(|symbol| !symbol.class)
            .last()
            .map_or(0, |symbol| symbol.start)
    }

    /// The innermost class around `at`.
    pub(crate) fn class(&self, at: usize) -> Option<&str> {
        self.around(at)
            .filter(|symbol| symbol.class)
            .last()
            .map(|symbol| symbol.name.as_str())
    }

    /// The declarations around a place, outer ones first.
    fn around(&self, at: usize) -> impl Iterator<Item = &Symbol> {
        let behind = self.0.partition_point(|symbol| symbol.start <= at);
        let mut next = behind.checked_sub(1);
        let mut found = Vec::new();
        while let Some(i) = next {
            if at < self.0[i].end {
                found.push(&self.0[i]);
            }
            next = self.1[i];
        }
        found.reverse();
        found.into_iter()
    }
}

fn is_class_word(word: &str) -> bool {
    matches!(
        word,
        "class"
            | "interface"
            | "struct"
            | "trait"
            | "module"
            | "enum"
            | "record"
            | "object"
            | "impl"
    )
}

fn is_function_word(word: &str) -> bool {
    matches!(word, "function" | "def" | "fn" | "func" | "fun")
}

/// Never the name of a function, though a parenthesis and a block follow.
fn is_control(word: &str) -> bool {
    matches!(
        word,
        "if" | "for"
            | "while"
            | "switch"
            | "catch"
            | "return"
            | "match"
            | "else"
            | "do"
            | "try"
            | "using"
            | "lock"
            | "foreach"
            | "with"
            | "synchronized"
            | "when"
            | "elseif"
            | "fixed"
            | "new"
            | "await"
            | "super"
            | "this"
            | "unless"
            | "until"
            | "select"
            | "go"
            | "defer"
    )
}

/// Python and Ruby: a declaration covers what is indented deeper than itself.
fn indented(code: &Code) -> Vec<Symbol> {
    let mut found: Vec<Symbol> = Vec::new();
    let mut open: Vec<(usize, usize)> = Vec::new();
    let column = |start: usize| {
        start
            - code.text[..start]
                .rfind('\n')
                .map_or(0, |newline| newline + 1)
    };
    for (i, token) in code.tokens.iter().enumerate() {
        if !token.fresh_line || token.kind == Kind::Mark(b')') {
            continue;
        }
        // Lines within parentheses are not indented by rule; only words at a line's start count.
        let Some(word) = code.word(i) else { continue };
        let here = column(token.start);
        let close_all = here == 0;
        let declares =
            is_class_word(word) || is_function_word(word) || word == "async" || word == "private";
        if declares || close_all {
            while let Some((depth, at)) = open.last().copied() {
                if depth < here {
                    break;
                }
                found[at].end = token.start;
                open.pop();
            }
        }
        let at = i + usize::from(matches!(word, "async" | "private"));
        let Some(word) = code
            .word(at)
            .filter(|word| is_class_word(word) || is_function_word(word))
        else {
            continue;
        };
        let self_method = code.is(at + 1, "self") && code.is_mark(at + 2, b'.');
        let Some(name) = code.word(at + if self_method { 3 } else { 1 }) else {
            continue;
        };
        open.push((here, found.len()));
        found.push(Symbol {
            name: name.to_owned(),
            start: token.start,
            end: code.text.len(),
            class: is_class_word(word),
        });
    }
    found
}

fn braced(code: &Code) -> Vec<Symbol> {
    let mut found = Vec::new();
    for (i, token) in code.tokens.iter().enumerate() {
        let Some((name, class, body)) = declared(code, i) else {
            continue;
        };
        let end = code
            .tokens
            .get(code.partner(body))
            .map_or(code.text.len(), |close| close.end);
        found.push(Symbol {
            name,
            start: token.start,
            end,
            class,
        });
    }
    found
}

/// The declaration whose first word of interest is at `at`: name, is it a class, its `{`.
fn declared(code: &Code, at: usize) -> Option<(String, bool, usize)> {
    let word = code.word(at)?;
    if at > 0 && code.is_mark(at - 1, b'.') {
        return None;
    }
    if is_class_word(word) {
        let mut name = at + 1;
        // `impl<T> Trait for Type`, `impl Type`
        if word == "impl"
            && let Some(place) = (at..at + 16).find(|&i| code.is(i, "for"))
        {
            name = place + 1;
        }
        let body = block_behind(code, name + 1, 80)?;
        return Some((code.word(name)?.to_owned(), true, body));
    }
    if is_function_word(word) {
        let mut name = at + 1;
        // Go's receiver, JavaScript's `function*`.
        if code.is_mark(name, b'(') && code.language == Language::Go {
            name = code.partner(name) + 1;
        }
        if code.is_mark(name, b'*') {
            name += 1;
        }
        let label = code.word(name)?.to_owned();
        let parameters = (name + 1..name + 24).find(|&i| code.is_mark(i, b'('))?;
        let body = block_behind(code, code.partner(parameters) + 1, 40)?;
        return Some((label, false, body));
    }
    // `const name = (…) => {`, `name: async (…) => {`
    if code.language == Language::Script
        && (code.is_mark(at + 1, b'=') || code.is_mark(at + 1, b':'))
        && !code.is_mark(at + 2, b'=')
    {
        let start = at + 2 + usize::from(code.is(at + 2, "async"));
        let behind = if code.is_mark(start, b'(') {
            code.partner(start) + 1
        } else if code.word(start).is_some() {
            start + 1
        } else {
            return None;
        };
        let arrow =
            (behind..behind + 12).find(|&i| code.is_mark(i, b'=') && code.is_mark(i + 1, b'>'))?;
        if (behind..arrow).any(|i| code.is_mark(i, b';') || code.is_mark(i, b'(')) {
            return None;
        }
        return code
            .is_mark(arrow + 2, b'{')
            .then(|| (word.to_owned(), false, arrow + 2));
    }
    // A method: `name(…) … {`; `@Mark(…)` and `[Mark(…)]` before one are none.
    if !code.is_mark(at + 1, b'(') || is_control(word) {
        return None;
    }
    let before = at.checked_sub(1).and_then(|before| code.mark(before));
    if matches!(before, Some(b'@' | b'[')) {
        return None;
    }
    if at > 0
        && code
            .word(at - 1)
            .is_some_and(|before| matches!(before, "new" | "return" | "await" | "throw"))
    {
        return None;
    }
    let close = code.partner(at + 1);
    let body = block_behind(code, close + 1, 16)?;
    // Between parameters and block stand only types and `throws`.
    (close + 1..body)
        .all(|i| {
            code.word(i).is_some_and(|word| !is_control(word))
                || matches!(
                    code.mark(i),
                    Some(
                        b':' | b'<' | b'>' | b'[' | b']' | b'|' | b',' | b'.' | b'?' | b'&' | b'@'
                    )
                )
        })
        .then(|| (word.to_owned(), false, body))
}

/// The first `{` before a `;` within so many tokens.
fn block_behind(code: &Code, from: usize, limit: usize) -> Option<usize> {
    let mut at = from;
    while at < from + limit {
        match code.mark(at) {
            Some(b'{') => return Some(at),
            Some(b';' | b'}' | b')') => return None,
            Some(b'(') => at = code.partner(at),
            _ => {}
        }
        if at >= code.tokens.len() {
            return None;
        }
        at += 1;
    }
    None
}
