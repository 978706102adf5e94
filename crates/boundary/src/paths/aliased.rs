//! Builders that name relations by an alias: `leftJoin('o.customer', 'c')` of Doctrine and `TypeORM`.

use std::collections::HashMap;

use super::{STEPS, Step, Way, parts};
use crate::source::Code;

/// `repositories`: variables that stand for a model.
pub(super) fn read(code: &Code, repositories: &[(&str, &str)]) -> Vec<Way> {
    let mut ways = Vec::new();
    let mut known: HashMap<String, (String, Vec<Step>)> = HashMap::new();
    for at in 0..code.tokens.len() {
        if !code.is_mark(at + 1, b'(') {
            continue;
        }
        match code.word(at) {
            Some("from" | "createQueryBuilder") => {
                let alias_at = (at + 2..at + 9).find(|&i| code.literal(i).is_some());
                let Some(alias) = alias_at.and_then(|i| code.plain(i)) else {
                    continue;
                };
                let receiver = at.checked_sub(2).and_then(|i| code.word(i));
                let model = code
                    .word(at + 2)
                    .filter(|own| own.starts_with(|c: char| c.is_ascii_uppercase()))
                    .or_else(|| {
                        repositories
                            .iter()
                            .find(|(name, _)| Some(*name) == receiver)
                            .map(|(_, model)| *model)
                    });
                if let Some(model) = model {
                    known.insert(alias, (model.to_owned(), Vec::new()));
                }
            }
            Some(
                "join" | "innerJoin" | "leftJoin" | "leftJoinAndSelect" | "innerJoinAndSelect"
                | "addSelect",
            ) => {
                let Some(text) = code.plain(at + 2) else {
                    continue;
                };
                let Some((first, _)) = text.split_once('.') else {
                    continue;
                };
                let Some((model, before)) = known.get(first).cloned() else {
                    continue;
                };
                let path = parts(&text, ".", code.literal_start(at + 2));
                let steps: Vec<Step> = before.into_iter().chain(path.into_iter().skip(1)).collect();
                if steps.len() > STEPS {
                    continue;
                }
                ways.push(Way {
                    from: model.clone(),
                    steps: steps.clone(),
                    by_name: false,
                });
                if code.is_mark(at + 3, b',')
                    && let Some(alias) = code.plain(at + 4)
                {
                    known.insert(alias, (model, steps));
                }
            }
            _ => {}
        }
    }
    ways
}
