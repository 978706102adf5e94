//! Entities that a public API hands out as they are: with them every column becomes a promise.

use super::{Lint, Rule};
use crate::judge::Judge;
use crate::language::Language;
use crate::scan::FileScan;
use crate::source::Code;
use crate::source::symbols::Symbols;
use crate::spot::{Lines, Spot};

pub(super) const RULE: Rule = Rule {
    code: "FH2128",
    name: "exposed-entity",
    way_out: "return a type of the API's own with the fields that it promises",
};

/// A type that a controller's method returns.
#[derive(Debug, Clone)]
pub(crate) struct Exposed {
    class: String,
    spot: Spot,
}

/// The types that methods of controllers say they return.
pub(crate) fn read(code: &Code, symbols: &Symbols, lines: &Lines) -> Vec<Exposed> {
    let marks: &[&str] = match code.language {
        Language::Java | Language::Kotlin => &["RestController"],
        Language::CSharp => &["ApiController"],
        Language::Script => &["Controller", "JsonController"],
        _ => return Vec::new(),
    };
    let Some(mark) = (0..code.tokens.len()).find(|&i| {
        code.word(i).is_some_and(|word| marks.contains(&word))
            && i > 0
            && (code.is_mark(i - 1, b'@') || code.is_mark(i - 1, b'['))
    }) else {
        return Vec::new();
    };
    let begins = code.tokens[mark].start;
    let Some(class) = symbols
        .0
        .iter()
        .find(|own| own.class && own.start >= begins)
    else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for method in symbols
        .0
        .iter()
        .filter(|own| !own.class && own.start > class.start && own.end <= class.end)
    {
        let at = code
            .tokens
            .partition_point(|token| token.start < method.start);
        let range = if code.language == Language::Script || code.language == Language::Kotlin {
            // `name(…): Promise<Order> {`
            let Some(open) = (at..at + 4).find(|&i| code.is_mark(i, b'(')) else {
                continue;
            };
            let close = code.partner(open);
            let end = (close..close + 14).find(|&i| code.is_mark(i, b'{') || code.is_mark(i, b'='));
            code.is_mark(close + 1, b':')
                .then(|| close + 2..end.unwrap_or(close + 2))
        } else {
            // `public ResponseEntity<List<Order>> name(`
            let public = (at.saturating_sub(14)..at)
                .rev()
                .find(|&i| code.is(i, "public"));
            public.map(|public| public + 1..at)
        };
        for i in range.into_iter().flatten() {
            if let Some(word) = code
                .word(i)
                .filter(|word| word.starts_with(char::is_uppercase))
            {
                let token = code.tokens[i];
                found.push(Exposed {
                    class: word.to_owned(),
                    spot: lines.spot(token.start, token.end, method.name.clone()),
                });
            }
        }
    }
    found
}

pub(super) fn settle(judge: &Judge, scan: &FileScan) -> Vec<Lint> {
    scan.exposed
        .iter()
        .filter(|own| judge.models.contains_key(&own.class))
        .map(|own| {
            let message = format!(
                "{} is an entity, and this API returns it as it is",
                own.class
            );
            Lint::new(&RULE, &scan.path, own.spot.clone(), message)
        })
        .collect()
}
