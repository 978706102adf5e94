//! SQL in XML: statements of `MyBatis` and Hibernate, changes of Liquibase, attributes of reports.
//!
//! Owns a reader of tags that takes any text: what is not well-formed is read as far as it goes.

use std::collections::HashMap;

use crate::source::mapped::Mapped;

/// A foreign key that a change of Liquibase makes.
pub(crate) struct ForeignKey {
    pub(crate) table: String,
    pub(crate) references: String,
    pub(crate) constraint: Option<String>,
    pub(crate) columns: Vec<String>,
    pub(crate) start: usize,
    pub(crate) length: usize,
}

/// Elements whose text is SQL.
const STATEMENTS: &[&str] = &[
    "select",
    "insert",
    "update",
    "delete",
    "sql",
    "query",
    "sql-query",
    "named-native-query",
    "statement",
    "createProcedure",
    "createView",
    "sqlCheck",
    "queryString",
    "selectKey",
    "view",
];

struct Tag<'a> {
    name: &'a str,
    start: usize,
    end: usize,
    /// `</x>`
    closing: bool,
    /// `<x/>`
    alone: bool,
}

/// Does `symbol` come from an element of statements?
pub(crate) fn is_statement(symbol: &str) -> bool {
    symbol.starts_with('#')
}

/// The texts of a file that may be SQL, each with the id of its element.
pub(crate) fn texts(text: &str) -> Vec<(Mapped, String)> {
    let tags = tags(text);
    let mut out = Vec::new();
    let mut fragments: HashMap<String, (usize, usize)> = HashMap::new();
    let mut bodies: Vec<(usize, usize, String)> = Vec::new();
    let mut open: Vec<(&str, usize)> = Vec::new();
    for (i, tag) in tags.iter().enumerate() {
        attributes(text, tag, &mut out);
        if tag.alone {
            continue;
        }
        if !tag.closing {
            open.push((tag.name, i));
            continue;
        }
        let Some(at) = open.iter().rposition(|(name, _)| *name == tag.name) else {
            continue;
        };
        let (_, first) = open[at];
        open.truncate(at);
        if !STATEMENTS.contains(&tag.name) {
            continue;
        }
        let id = attribute(text, &tags[first], "id")
            .map(|(value, _)| value)
            .unwrap_or_default();
        if tag.name == "sql" && !id.is_empty() {
            fragments.insert(id.clone(), (first, i));
        }
        bodies.push((first, i, id));
    }
    for (first, last, id) in bodies {
        let mut mapped = Mapped::default();
        body(text, &tags, first, last, &fragments, 0, &mut mapped);
        out.push((mapped, format!("#{id}")));
    }
    out
}

/// The text between two tags; tags within are blanks, includes are put in.
fn body(
    text: &str,
    tags: &[Tag],
    first: usize,
    last: usize,
    fragments: &HashMap<String, (usize, usize)>,
    depth: usize,
    out: &mut Mapped,
) {
    for i in first..last {
        content(text, tags[i].end, tags[i + 1].start, out);
        out.push(" ", tags[i + 1].start);
        let next = &tags[i + 1];
        if next.name == "include" && !next.closing && depth < 4 {
            let id = attribute(text, next, "refid")
                .map(|(value, _)| value)
                .unwrap_or_default();
            let id = id.rsplit('.').next().unwrap_or_default();
            if let Some((first, last)) = fragments.get(id) {
                body(text, tags, *first, *last, fragments, depth + 1, out);
            }
        } else if matches!(next.name, "where" | "set" | "trim") && !next.closing {
            let word = if next.name == "set" {
                " SET "
            } else {
                " WHERE "
            };
            out.push(word, next.start);
        }
    }
}

/// Text with its entities resolved and the marks of CDATA taken out.
fn content(text: &str, start: usize, end: usize, out: &mut Mapped) {
    let mut at = start;
    while at < end {
        let rest = &text[at..end];
        if rest.starts_with("<![CDATA[") {
            at += 9;
            continue;
        }
        if rest.starts_with("]]>") {
            at += 3;
            continue;
        }
        let entity = [
            ("&lt;", "<"),
            ("&gt;", ">"),
            ("&amp;", "&"),
            ("&quot;", "\""),
            ("&apos;", "'"),
            ("&#10;", "\n"),
            ("&#xA;", "\n"),
            ("&#xa;", "\n"),
            ("&#9;", "\t"),
            ("&#13;", "\r"),
            ("&#39;", "'"),
        ]
        .iter()
        .find(|(entity, _)| rest.starts_with(entity));
        if let Some((entity, stands_for)) = entity {
            out.push(stands_for, at);
            at += entity.len();
            continue;
        }
        let first = rest.chars().next().map_or(1, char::len_utf8);
        let next = rest[first..]
            .find(['&', '<', ']'])
            .map_or(end, |i| at + first + i);
        out.push(&text[at..next], at);
        at = next;
    }
}

fn attributes(text: &str, tag: &Tag, out: &mut Vec<(Mapped, String)>) {
    if tag.closing {
        return;
    }
    for (name, start, end) in pairs(text, tag) {
        if end - start > 14 && text[start..end].contains(char::is_whitespace) {
            let mut mapped = Mapped::default();
            content(text, start, end, &mut mapped);
            out.push((mapped, name.to_owned()));
        }
    }
}

fn attribute(text: &str, tag: &Tag, key: &str) -> Option<(String, usize)> {
    pairs(text, tag)
        .into_iter()
        .find(|(name, _, _)| *name == key)
        .map(|(_, start, end)| (text[start..end].to_owned(), start))
}

/// Name, start and end of each value.
fn pairs<'a>(text: &'a str, tag: &Tag) -> Vec<(&'a str, usize, usize)> {
    let mut found = Vec::new();
    let mut at = tag.start + 1 + tag.name.len();
    while let Some(equals) = text
        .get(at..tag.end)
        .and_then(|rest| rest.find('='))
        .map(|i| at + i)
    {
        let name = text[at..equals].split_whitespace().last().unwrap_or("");
        let Some(open) = text[equals..tag.end].find(['"', '\'']).map(|i| equals + i) else {
            break;
        };
        let quote = &text[open..=open];
        let Some(close) = text[open + 1..tag.end].find(quote).map(|i| open + 1 + i) else {
            break;
        };
        found.push((name, open + 1, close));
        at = close + 1;
    }
    found
}

fn tags(text: &str) -> Vec<Tag<'_>> {
    let bytes = text.as_bytes();
    let mut tags = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..].find('<').map(|i| at + i) {
        let rest = &text[start..];
        if rest.starts_with("<!--") {
            at = rest.find("-->").map_or(text.len(), |i| start + i + 3);
            continue;
        }
        if rest.starts_with("<![CDATA[") {
            at = rest.find("]]>").map_or(text.len(), |i| start + i + 3);
            continue;
        }
        let closing = bytes.get(start + 1) == Some(&b'/');
        let name_at = start + 1 + usize::from(closing);
        let length = text[name_at..]
            .bytes()
            .take_while(|byte| {
                byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b':' | b'.')
            })
            .count();
        if length == 0 {
            at = start + 1;
            continue;
        }
        let Some(end) = tag_end(bytes, name_at + length) else {
            break;
        };
        let name = &text[name_at..name_at + length];
        tags.push(Tag {
            name: name.rsplit(':').next().unwrap_or(name),
            start,
            end,
            closing,
            alone: bytes[end - 2] == b'/' || bytes[name_at - 1] == b'?',
        });
        at = end;
    }
    tags
}

/// Behind the `>`; those in quotes do not count.
fn tag_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut quote = None;
    for (i, byte) in bytes.iter().enumerate().skip(from) {
        match (quote, byte) {
            (None, b'>') => return Some(i + 1),
            (None, b'"' | b'\'') => quote = Some(*byte),
            (Some(open), byte) if open == *byte => quote = None,
            _ => {}
        }
    }
    None
}

/// `<addForeignKeyConstraint baseTableName="…" referencedTableName="…"/>`
pub(crate) fn foreign_keys(text: &str) -> Vec<ForeignKey> {
    if !text.contains("addForeignKeyConstraint") {
        return Vec::new();
    }
    tags(text)
        .iter()
        .filter(|tag| tag.name == "addForeignKeyConstraint" && !tag.closing)
        .filter_map(|tag| {
            let (table, _) = attribute(text, tag, "baseTableName")?;
            let (references, start) = attribute(text, tag, "referencedTableName")?;
            let columns = attribute(text, tag, "baseColumnNames")
                .map(|(names, _)| {
                    names
                        .split(',')
                        .map(|name| name.trim().to_owned())
                        .collect()
                })
                .unwrap_or_default();
            Some(ForeignKey {
                table,
                columns,
                constraint: attribute(text, tag, "constraintName").map(|(name, _)| name),
                length: references.len(),
                references,
                start,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_includes_and_attributes() {
        let text = "<mapper><sql id=\"t\">customers c</sql><select id=\"x\">select * from <include refid=\"t\"/> where a &lt; 1 <if test=\"b != null\">join <![CDATA[books]]> b</if></select>\
            <r q=\"select a from&#10;orders where b = 1\"/></mapper>";
        let found = texts(text);
        let said: Vec<String> = found
            .iter()
            .map(|(mapped, id)| {
                format!(
                    "{id}: {}",
                    mapped.text.split_whitespace().collect::<Vec<_>>().join(" ")
                )
            })
            .collect();
        assert!(
            said.contains(&"#x: select * from customers c where a < 1 join books b".to_owned()),
            "{said:?}"
        );
        assert!(
            said.contains(&"q: select a from orders where b = 1".to_owned()),
            "{said:?}"
        );
        let (mapped, _) = found
            .iter()
            .find(|(_, id)| id == "q")
            .expect("the attribute");
        let at = mapped.text.find("orders").expect("the table");
        assert_eq!(&text[mapped.origin(at)..][..6], "orders");
    }

    #[test]
    fn any_text_is_read() {
        for text in [
            "<",
            "<a",
            "<a b='",
            "</x>",
            "<select><select>",
            "<a/><![CDATA[",
            "<é>",
            "<a b=c>",
        ] {
            let _ = texts(text);
            let _ = foreign_keys(text);
        }
    }
}
