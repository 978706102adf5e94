//! Where transactions begin and end, in the words of each family of libraries.
//!
//! Owns the forms: a function with a mark, a call that takes the work as its argument, a block, and
//! a pair of calls. A form is taken for a transaction by its words alone; what is in it decides.

use super::{At, Call};
use crate::language::Language;
use crate::source::symbols::Symbols;
use crate::source::{Code, Kind};

/// The bytes of a transaction, and of the words that begin it.
pub(super) struct Range {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) start: usize,
    pub(super) end: usize,
}

pub(super) fn read(code: &Code, symbols: &Symbols) -> Vec<Range> {
    let mut found: Vec<Range> = Vec::new();
    for at in 0..code.tokens.len() {
        let mut ranges = marked(code, symbols, at);
        ranges.extend(
            with_block(code, at)
                .or_else(|| callback(code, at))
                .or_else(|| pair(code, symbols, at))
                .or_else(|| in_text(code, symbols, at)),
        );
        for range in ranges.into_iter().filter(|range| range.to > range.from) {
            // What is within another is the same transaction.
            if !found
                .iter()
                .any(|own| own.from <= range.from && range.to <= own.to)
            {
                found.push(range);
            }
        }
    }
    found
}

fn range(code: &Code, at: usize, from: usize, to: usize) -> Range {
    Range {
        from,
        to,
        start: code.tokens[at].start,
        end: code.tokens[at].end,
    }
}

/// `@Transactional void f() {`, `@transaction.atomic` before `def`, and before classes.
fn marked(code: &Code, symbols: &Symbols, at: usize) -> Vec<Range> {
    let Some(word) = code.word(at) else {
        return Vec::new();
    };
    let is_mark = match code.language {
        Language::Python => {
            word == "atomic"
                && (code.is_mark(at - 1, b'@')
                    || code.is_mark(at.wrapping_sub(1), b'.')
                        && code.is_mark(at.wrapping_sub(3), b'@'))
        }
        _ => {
            matches!(
                word,
                "Transactional" | "TransactionalEventListener" | "Transaction"
            ) && at > 0
                && (code.is_mark(at - 1, b'@') || code.is_mark(at - 1, b'['))
        }
    };
    if !is_mark {
        return Vec::new();
    }
    // Reads alone change nothing, and what never has a transaction has none.
    if code.is_mark(at + 1, b'(') {
        let close = code.partner(at + 1).min(code.tokens.len());
        let off = (at + 2..close).any(|i| {
            code.is(i, "readOnly") && code.is(i + 2, "true")
                || code
                    .word(i)
                    .is_some_and(|own| matches!(own, "NEVER" | "NOT_SUPPORTED"))
        });
        if off {
            return Vec::new();
        }
    }
    let start = code.tokens[at].start;
    let Some(declared) = symbols.0.iter().find(|own| own.start >= start) else {
        return Vec::new();
    };
    // Methods of C-like languages begin at their name; the mark stands within reach before it.
    let between = &code.text[start..declared.start];
    if between.len() > 1_500 || between.contains('}') {
        return Vec::new();
    }
    if !declared.class {
        return vec![range(code, at, declared.start, declared.end)];
    }
    // On a class it is meant for each of its methods.
    symbols
        .0
        .iter()
        .filter(|own| !own.class && own.start > declared.start && own.end <= declared.end)
        .map(|own| Range {
            from: own.start,
            to: own.end,
            start: own.start,
            end: own.start + own.name.len(),
        })
        .collect()
}

/// Python: `with transaction.atomic():`, `async with session.begin() as s:`.
fn with_block(code: &Code, at: usize) -> Option<Range> {
    if code.language != Language::Python || !code.is(at, "with") {
        return None;
    }
    let line_end = (at + 1..code.tokens.len())
        .find(|&i| code.is_mark(i, b':') && code.tokens.get(i + 1).is_none_or(|t| t.fresh_line))?;
    let place = (at + 1..line_end).find(|&i| {
        let called = code.is_mark(i + 1, b'(');
        // Projects wrap these in functions of their own: `traced_atomic_transaction()`.
        code.word(i).is_some_and(|word| {
            word.contains("atomic")
                || called
                    && (word.contains("transaction") || matches!(word, "begin" | "begin_nested"))
        })
    })?;
    // `async with` is indented like its `async`.
    let first = (0..=at).rev().find(|&i| code.tokens[i].fresh_line)?;
    let column = column(code, code.tokens[first].start);
    let end = (line_end + 1..code.tokens.len())
        .find(|&i| {
            let token = code.tokens[i];
            token.fresh_line
                && self::column(code, token.start) <= column
                && !matches!(token.kind, Kind::Mark(b')' | b']' | b'}'))
        })
        .map_or(code.text.len(), |i| code.tokens[i].start);
    Some(range(code, place, code.tokens[line_end].end, end))
}

fn column(code: &Code, start: usize) -> usize {
    start
        - code.text[..start]
            .rfind('\n')
            .map_or(0, |newline| newline + 1)
}

/// A call that is handed what to do: `db.transaction(async (tx) => { … })`, `$transaction([ … ])`,
/// `DB::transaction(function () { … })`, `Order.transaction do … end`, `transaction { … }`.
#[expect(clippy::too_many_lines, reason = "most of them are names")]
fn callback(code: &Code, at: usize) -> Option<Range> {
    let word = code.word(at)?;
    let lower = word.trim_start_matches('$').to_ascii_lowercase();
    let named = matches!(
        lower.as_str(),
        "transaction"
            | "transactional"
            | "withtransaction"
            | "runintransaction"
            | "intransaction"
            | "wrapintransaction"
            | "usetransaction"
            | "withtx"
            | "intx"
            | "runintx"
            | "withintransaction"
            | "executeintransaction"
            | "runtransaction"
            | "execintransaction"
            | "dotransaction"
            | "newsuspendedtransaction"
            | "begintx"
            | "with_transaction"
            | "run_in_transaction"
            | "in_transaction"
            | "beginfunc"
            | "begintxfunc"
            | "executetransaction"
            | "withtxn"
    ) || word == "execute"
        && at > 1
        && code
            .word(at - 2)
            .is_some_and(|before| before.to_ascii_lowercase().ends_with("transactiontemplate"));
    if !named {
        return None;
    }
    // A declaration is none.
    if code.word(at.wrapping_sub(1)).is_some_and(|before| {
        matches!(
            before,
            "def" | "func" | "function" | "fun" | "fn" | "class" | "void" | "new" | "import"
        )
    }) {
        return None;
    }
    let mut open = at + 1;
    // Rust: `.transaction::<_, Error, _>(`
    if code.is_mark(open, b':') && code.is_mark(open + 1, b':') {
        open = (open..open + 16).find(|&i| code.is_mark(i, b'('))?;
    }
    if code.is_mark(open, b'<') {
        open = (open..open + 16).find(|&i| code.is_mark(i, b'('))?;
    }
    if code.language == Language::Ruby {
        let close = if code.is_mark(open, b'(') {
            code.partner(open) + 1
        } else {
            open
        };
        if !code.is(close, "do") && !code.is_mark(close, b'{') {
            return None;
        }
        if code.is_mark(close, b'{') {
            return Some(range(
                code,
                at,
                code.tokens[close].end,
                end_of(code, code.partner(close)),
            ));
        }
        // To the `end` that is indented like the line of `do`.
        let first = (0..=at).rev().find(|&i| code.tokens[i].fresh_line)?;
        let depth = column(code, code.tokens[first].start);
        let end = (close + 1..code.tokens.len()).find(|&i| {
            code.is(i, "end")
                && code.tokens[i].fresh_line
                && column(code, code.tokens[i].start) <= depth
        })?;
        return Some(range(
            code,
            at,
            code.tokens[close].end,
            code.tokens[end].start,
        ));
    }
    if code.is_mark(open, b'(') {
        let close = code.partner(open);
        let block = (open + 1..close.min(code.tokens.len()))
            .any(|i| code.is_mark(i, b'{') || code.is_mark(i, b'['));
        let arrow = (open + 1..close.min(code.tokens.len()))
            .any(|i| code.is_mark(i, b'>') && code.is_mark(i.wrapping_sub(1), b'='));
        if close < code.tokens.len() && (block || arrow) {
            return Some(range(
                code,
                at,
                code.tokens[open].end,
                code.tokens[close].start,
            ));
        }
        // Kotlin: `transaction(db) { … }`
        if code.is_mark(close + 1, b'{') && code.language == Language::Kotlin {
            return Some(range(
                code,
                at,
                code.tokens[close + 1].end,
                end_of(code, code.partner(close + 1)),
            ));
        }
        return None;
    }
    (code.is_mark(open, b'{') && code.language == Language::Kotlin).then(|| {
        range(
            code,
            at,
            code.tokens[open].end,
            end_of(code, code.partner(open)),
        )
    })
}

fn end_of(code: &Code, at: usize) -> usize {
    code.tokens
        .get(at)
        .map_or(code.text.len(), |token| token.start)
}

/// `BeginTx … Commit`, `using (new TransactionScope()) { … }`: to the commit, or the function's end.
fn pair(code: &Code, symbols: &Symbols, at: usize) -> Option<Range> {
    let word = code.word(at)?;
    let called = code.is_mark(at + 1, b'(');
    let begins = match code.language {
        Language::Go => called && matches!(word, "Begin" | "BeginTx" | "Beginx" | "BeginTxx"),
        Language::Rust => called && word == "begin" && code.is_mark(at.wrapping_sub(1), b'.'),
        Language::CSharp => {
            called
                && matches!(
                    word,
                    "BeginTransaction" | "BeginTransactionAsync" | "TransactionScope"
                )
        }
        Language::Java | Language::Kotlin => {
            called
                && (word == "setAutoCommit" && code.is(at + 2, "false")
                    || word == "begin"
                        && code.word(at.wrapping_sub(2)).is_some_and(|own| {
                            let own = own.to_ascii_lowercase();
                            own == "tx" || own.contains("transaction")
                        })
                    || word == "beginTransaction"
                    || word == "getTransaction"
                        && code.is_mark(at.wrapping_sub(1), b'.')
                        && code
                            .word(at.wrapping_sub(2))
                            .is_some_and(|own| own.to_ascii_lowercase().contains("manager"))
                        && !code.is_mark(at + 2, b')'))
        }
        Language::Script => {
            called
                && (matches!(word, "startTransaction" | "beginTransaction")
                    || word == "transaction" && code.is_mark(at + 2, b')'))
        }
        Language::Php => {
            called
                && matches!(
                    word,
                    "beginTransaction" | "begin_transaction" | "transBegin"
                )
        }
        Language::Python => {
            called
                && (word == "begin" || word == "start_transaction")
                && code.is_mark(at.wrapping_sub(1), b'.')
                && !code.tokens[..at]
                    .iter()
                    .rev()
                    .take(8)
                    .any(|t| t.kind == Kind::Word && &code.text[t.start..t.end] == "with")
        }
        Language::Ruby => called && word == "begin_transaction" || word == "begin_db_transaction",
        _ => false,
    };
    if !begins {
        return None;
    }
    let start = code.tokens[at].start;
    // `using (…) { … }`: the block.
    if code.language == Language::CSharp
        && let Some(using) = (at.saturating_sub(12)..at)
            .rev()
            .find(|&i| code.is(i, "using"))
        && code.is_mark(using + 1, b'(')
        && code.is_mark(code.partner(using + 1) + 1, b'{')
    {
        let open = code.partner(using + 1) + 1;
        return Some(range(
            code,
            at,
            code.tokens[open].end,
            end_of(code, code.partner(open)),
        ));
    }
    let function = symbols
        .0
        .iter()
        .rfind(|own| !own.class && own.start <= start && start < own.end);
    let limit = function.map_or(code.text.len(), |own| own.end);
    let commit = (at + 1..code.tokens.len())
        .take_while(|&i| code.tokens[i].start < limit)
        .filter(|&i| {
            code.word(i).is_some_and(|own| {
                let own = own.to_ascii_lowercase();
                own.starts_with("commit") || own == "complete" || own == "transcommit"
            })
        })
        .last()
        .map_or(limit, |i| code.tokens[i].start);
    Some(range(code, at, code.tokens[at].end, commit))
}

/// `client.query('BEGIN')` … `client.query('COMMIT')`.
fn in_text(code: &Code, symbols: &Symbols, at: usize) -> Option<Range> {
    let says = |at: usize, words: &[&str]| {
        code.plain(at).is_some_and(|text| {
            let text = text.trim().trim_end_matches(';').to_ascii_uppercase();
            words.contains(&text.as_str())
        })
    };
    code.literal(at)?;
    if !says(
        at,
        &[
            "BEGIN",
            "BEGIN TRANSACTION",
            "START TRANSACTION",
            "BEGIN WORK",
            "BEGIN IMMEDIATE",
        ],
    ) {
        return None;
    }
    let start = code.tokens[at].start;
    let function = symbols
        .0
        .iter()
        .rfind(|own| !own.class && own.start <= start && start < own.end);
    let limit = function.map_or(code.text.len(), |own| own.end);
    let commit = (at + 1..code.tokens.len())
        .take_while(|&i| code.tokens[i].start < limit)
        .filter(|&i| {
            says(i, &["COMMIT", "COMMIT TRANSACTION", "COMMIT WORK", "END"]) || code.is(i, "commit")
        })
        .last()?;
    Some(range(
        code,
        at,
        code.tokens[at].end,
        code.tokens[commit].start,
    ))
}

/// The calls of a scope, in their order.
pub(super) fn calls(code: &Code, range: &Range, at: &dyn Fn(usize) -> At) -> Vec<Call> {
    let first = code
        .tokens
        .partition_point(|token| token.start < range.from);
    let mut found = Vec::new();
    for i in first..code.tokens.len() {
        let token = code.tokens[i];
        if token.start >= range.to {
            break;
        }
        // Ruby calls without parentheses as well.
        let called = code.is_mark(i + 1, b'(') || code.language == Language::Ruby;
        let Some(name) = code.word(i).filter(|_| called) else {
            continue;
        };
        let receiver = receiver(code, i);
        found.push(Call {
            at: at(token.start),
            receiver,
            name: name.to_owned(),
        });
    }
    found
}

/// The last name before the dot: `inventory` of `this.inventory.reserve(`.
fn receiver(code: &Code, at: usize) -> Option<String> {
    let dot = at.checked_sub(1)?;
    let before = if code.is_mark(dot, b'.') {
        dot.checked_sub(1)?
    } else if code.is_mark(dot, b'>') || code.is_mark(dot, b':') {
        dot.checked_sub(2)?
    } else {
        return None;
    };
    let name = code.word(before)?;
    let own = matches!(
        name,
        "this" | "self" | "$this" | "base" | "super" | "Self" | "static"
    );
    (!own).then(|| name.trim_start_matches('$').to_owned())
}
