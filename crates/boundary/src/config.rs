//! SQL in YAML and in properties: values that hold statements, and foreign keys of Liquibase.
//!
//! Owns a reader of lines that takes any text. It knows keys, block scalars and quotes, and no more
//! of YAML: what it does not understand holds no statement either.

use crate::source::mapped::Mapped;
use crate::xml::ForeignKey;

/// The values of a YAML file, each with its key.
pub(crate) fn yaml(text: &str) -> Vec<(Mapped, String)> {
    let lines = lines(text);
    let mut found = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let (start, line) = lines[at];
        at += 1;
        let Some((key, value_at)) = value(line) else {
            continue;
        };
        let value = line[value_at..].trim_end();
        let indent = indent(line);
        if value.starts_with(['|', '>']) {
            let mut mapped = Mapped::default();
            while let Some((from, next)) = lines.get(at) {
                if !next.trim().is_empty() && self::indent(next) <= indent {
                    break;
                }
                mapped.push(next, *from);
                mapped.push("\n", from + next.len());
                at += 1;
            }
            found.push((mapped, key.to_owned()));
        } else if !value.is_empty() {
            let quoted =
                value.len() > 1 && value.starts_with(['"', '\'']) && value.ends_with(&value[..1]);
            let (skip, end) = if quoted {
                (1, value.len() - 1)
            } else {
                (0, value.len())
            };
            let mut mapped = Mapped::default();
            mapped.push(&value[skip..end], start + value_at + skip);
            // A plain value goes on in lines that are indented deeper and have no key.
            while let Some((from, next)) = lines.get(at) {
                let more = !quoted
                    && self::indent(next) > indent
                    && !next.trim().is_empty()
                    && !next.trim_start().starts_with('#')
                    && self::value(next).is_none();
                if !more {
                    break;
                }
                mapped.push("\n", *from);
                mapped.push(next, *from);
                at += 1;
            }
            found.push((mapped, key.to_owned()));
        }
    }
    found
}

/// The values of a file of properties.
pub(crate) fn properties(text: &str) -> Vec<(Mapped, String)> {
    let lines = lines(text);
    let mut found = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let (start, line) = lines[at];
        at += 1;
        let trimmed = line.trim_start();
        if trimmed.starts_with(['#', '!']) {
            continue;
        }
        let Some(equals) = line.find(['=', ':']) else {
            continue;
        };
        let mut mapped = Mapped::default();
        let (mut from, mut rest) = (start + equals + 1, &line[equals + 1..]);
        while let Some(part) = rest.trim_end().strip_suffix('\\') {
            mapped.push(part, from);
            mapped.push("\n", from + part.len());
            let Some((next, line)) = lines.get(at) else {
                break;
            };
            (from, rest) = (*next, *line);
            at += 1;
        }
        mapped.push(rest, from);
        found.push((mapped, line[..equals].trim().to_owned()));
    }
    found
}

/// Liquibase's `addForeignKeyConstraint:` with the keys below it.
pub(crate) fn foreign_keys(text: &str) -> Vec<ForeignKey> {
    let lines = lines(text);
    let mut found = Vec::new();
    for (at, (_, line)) in lines.iter().enumerate() {
        if !line
            .trim_start()
            .trim_start_matches("- ")
            .starts_with("addForeignKeyConstraint:")
        {
            continue;
        }
        let depth = indent(line);
        let below = || {
            lines[at + 1..]
                .iter()
                .take_while(move |(_, next)| next.trim().is_empty() || indent(next) > depth)
        };
        let get = |key: &str| {
            below().find_map(|(start, line)| {
                let (own, from) = value(line)?;
                let said = line[from..].trim();
                let bare = said.trim_matches(['"', '\'']);
                let skip = said.len() - said.trim_start_matches(['"', '\'']).len();
                (own == key && !bare.is_empty()).then(|| (bare.to_owned(), start + from + skip))
            })
        };
        if let (Some((table, _)), Some((references, start))) =
            (get("baseTableName"), get("referencedTableName"))
        {
            found.push(ForeignKey {
                table,
                length: references.len(),
                references,
                constraint: get("constraintName").map(|(name, _)| name),
                columns: get("baseColumnNames")
                    .map(|(names, _)| {
                        names
                            .split(',')
                            .map(|name| name.trim().to_owned())
                            .collect()
                    })
                    .unwrap_or_default(),
                start,
            });
        }
    }
    found
}

/// Each line without its end, and where it begins.
fn lines(text: &str) -> Vec<(usize, &str)> {
    let mut start = 0;
    text.split_inclusive('\n')
        .map(|line| {
            let from = start;
            start += line.len();
            (from, line.trim_end_matches(['\n', '\r']))
        })
        .collect()
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// The key of `key: value` or `- key: value`, and where its value begins; of a plain item of a
/// list, an empty key.
fn value(line: &str) -> Option<(&str, usize)> {
    let body = line.trim_start();
    if body.starts_with('#') {
        return None;
    }
    let item = body.strip_prefix("- ").map(str::trim_start);
    let content = item.unwrap_or(body);
    let offset = line.len() - content.len();
    let name = content.trim_start_matches(['"', '\'']);
    let length = name
        .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/')))
        .unwrap_or(name.len());
    let behind = name[length..].trim_start_matches(['"', '\'']);
    if length > 0
        && let Some(rest) = behind.strip_prefix(':')
        && (rest.is_empty() || rest.starts_with(' '))
    {
        let from = line.len() - rest.trim_start().len();
        return Some((&name[..length], from));
    }
    item.map(|_| ("", offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(found: &[(Mapped, String)]) -> Vec<String> {
        found
            .iter()
            .map(|(mapped, key)| {
                let text: Vec<&str> = mapped.text.split_whitespace().collect();
                format!("{key}={}", text.join(" "))
            })
            .collect()
    }

    #[test]
    fn values_are_taken_with_their_places() {
        let text = "a:\n  query: |\n    select 1\n    from orders\n  b: \"select 2\"\n  c: select 3\n    from books\n# d: no\n- select 4\n";
        let found = yaml(text);
        assert_eq!(
            said(&found),
            [
                "query=select 1 from orders",
                "b=select 2",
                "c=select 3 from books",
                "=select 4"
            ]
        );
        let at = found[0].0.text.find("orders").expect("the table");
        assert_eq!(&text[found[0].0.origin(at)..][..6], "orders");
        let text = "# x=1\nq.a=select 1 \\\n  from orders\nq.b: select 2\n";
        let found = properties(text);
        assert_eq!(said(&found), ["q.a=select 1 from orders", "q.b=select 2"]);
    }

    #[test]
    fn keys_of_liquibase() {
        let text = "- addForeignKeyConstraint:\n    baseColumnNames: book_id\n    baseTableName: orders\n    constraintName: fk\n    referencedTableName: \"books\"\n";
        let found = foreign_keys(text);
        assert_eq!(found.len(), 1);
        let key = &found[0];
        assert_eq!(
            (key.table.as_str(), key.references.as_str()),
            ("orders", "books")
        );
        assert_eq!(&text[key.start..key.start + key.length], "books");
    }

    #[test]
    fn any_text_is_read() {
        for text in [
            "", ":", "-", "a: |", "a: '", "é: ü", "a: >\n", "\\", "a=\\", "- :",
        ] {
            let _ = (yaml(text), properties(text), foreign_keys(text));
        }
    }
}
