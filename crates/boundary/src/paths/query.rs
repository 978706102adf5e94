//! Queries over models: JPQL, HQL, Doctrine's DQL.

use std::collections::HashMap;

use super::{STEPS, Step, Way};

/// A name with dots, and its bytes.
struct Chain<'t> {
    parts: Vec<(&'t str, usize)>,
    /// A comma stands before it.
    listed: bool,
}

/// The ways in a text. Names of models begin with a capital letter; a text without one is none of
/// these languages.
pub(crate) fn read(text: &str) -> Vec<Way> {
    let chains = chains(text);
    let mut known: HashMap<&str, (&str, Vec<Step>)> = HashMap::new();
    let mut ways = Vec::new();
    let is = |at: usize, words: &[&str]| {
        chains.get(at).is_some_and(|own: &Chain| {
            own.parts.len() == 1
                && words
                    .iter()
                    .any(|word| own.parts[0].0.eq_ignore_ascii_case(word))
        })
    };
    // Aliases stand behind what uses them: SELECT comes first. So they are read beforehand.
    let mut from = false;
    for at in 0..chains.len() {
        let joined = is(at, &["join"]);
        if is(at, &["where", "set", "group", "order", "having", "select"]) {
            from = false;
        }
        from |= is(at, &["from", "update", "join"]);
        let begins =
            is(at, &["from", "update"]) || from && chains.get(at + 1).is_some_and(|own| own.listed);
        if !joined && !begins {
            continue;
        }
        let place = at + 1 + usize::from(is(at + 1, &["fetch"]));
        let Some(named) = chains.get(place) else {
            break;
        };
        let alias_at = place + 1 + usize::from(is(place + 1, &["as"]));
        let alias = chains
            .get(alias_at)
            .filter(|own| own.parts.len() == 1 && !own.listed && !is_keyword(own.parts[0].0))
            .map(|own| own.parts[0].0);
        let (first, last) = (named.parts[0].0, named.parts[named.parts.len() - 1].0);
        if let Some((model, before)) = known.get(first).filter(|_| named.parts.len() > 1) {
            let steps: Vec<Step> = before
                .iter()
                .cloned()
                .chain(steps(&named.parts[1..]))
                .collect();
            if steps.len() > STEPS {
                continue;
            }
            ways.push(way(model, steps.clone()));
            let model = *model;
            if let Some(alias) = alias {
                known.insert(alias, (model, steps));
            }
        } else if last.starts_with(|c: char| c.is_ascii_uppercase())
            && let Some(alias) = alias
        {
            known.insert(alias, (last, Vec::new()));
        }
    }
    for chain in &chains {
        let Some((model, before)) = known.get(chain.parts[0].0) else {
            continue;
        };
        // The last part is a column, or the key, which the row itself has.
        let end = match chain.parts.last() {
            Some(("id", _)) => chain.parts.len().saturating_sub(2),
            _ => chain.parts.len() - 1,
        };
        if end > 1 {
            let steps = before
                .iter()
                .cloned()
                .chain(steps(&chain.parts[1..end]))
                .collect();
            ways.push(way(model, steps));
        }
    }
    ways
}

fn way(model: &str, steps: Vec<Step>) -> Way {
    Way {
        from: model.to_owned(),
        steps,
        by_name: false,
    }
}

fn steps(parts: &[(&str, usize)]) -> Vec<Step> {
    let step = |(name, start): &(&str, usize)| Step {
        name: (*name).to_owned(),
        start: *start,
        end: start + name.len(),
    };
    parts.iter().map(step).collect()
}

fn is_keyword(word: &str) -> bool {
    [
        "on", "where", "join", "left", "right", "inner", "outer", "fetch", "set", "order", "group",
        "having", "with", "as", "in", "cross", "full",
    ]
    .iter()
    .any(|own| word.eq_ignore_ascii_case(own))
}

/// Names outside of quotes, in their order.
fn chains(text: &str) -> Vec<Chain<'_>> {
    let bytes = text.as_bytes();
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80;
    let (mut found, mut listed, mut at) = (Vec::new(), false, 0);
    while at < bytes.len() {
        let byte = bytes[at];
        if byte == b'\'' {
            at += 1 + bytes[at + 1..]
                .iter()
                .position(|own| *own == b'\'')
                .unwrap_or(bytes.len());
        } else if word(byte) && !byte.is_ascii_digit() {
            let mut parts = Vec::new();
            loop {
                let start = at;
                while at < bytes.len() && word(bytes[at]) {
                    at += 1;
                }
                parts.push((&text[start..at], start));
                let goes_on = matches!(bytes.get(at), Some(b'.' | b'\\'))
                    && bytes.get(at + 1).is_some_and(|own| word(*own));
                if !goes_on {
                    break;
                }
                at += 1;
            }
            found.push(Chain { parts, listed });
            listed = false;
            continue;
        } else if byte == b',' {
            listed = true;
        } else if !byte.is_ascii_whitespace() {
            listed = false;
        }
        at += 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Vec<String> {
        let said = |way: Way| {
            let steps: Vec<&str> = way.steps.iter().map(|own| own.name.as_str()).collect();
            for own in &way.steps {
                assert_eq!(&text[own.start..own.end], own.name);
            }
            format!("{}:{}", way.from, steps.join("."))
        };
        read(text).into_iter().map(said).collect()
    }

    #[test]
    fn paths_are_read() {
        assert_eq!(
            said("select o.customer.name from Order o where o.id = 1"),
            ["Order:customer"]
        );
        assert_eq!(
            said(
                "select a from Order o join fetch o.customer as c left join c.addresses a where a.city.zip = 1"
            ),
            [
                "Order:customer",
                "Order:customer.addresses",
                "Order:customer.addresses.city"
            ]
        );
        assert_eq!(
            said(
                "select i from com.shop.Order o, Item i where i.order.customer.id = o.customer.id and o.name = 'a.b.c'"
            ),
            ["Item:order"]
        );
        assert!(said("select o.customer_id from orders o where o.customer.name = 1").is_empty());
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_too_odd(text in "[a-cO.,' é\n]{0,60}") {
            read(&format!("from O a join {text} join {text}"));
        }
    }
}
