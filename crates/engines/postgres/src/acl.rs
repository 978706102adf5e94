//! Access lists as PostgreSQL writes them: `{=Tc/postgres,"\"odd one\"=r*w/owner"}`.
//!
//! Read here rather than by `aclexplode` on the server, which takes seconds where this takes
//! milliseconds (200 roles on each of 1,000 tables). Held against `aclexplode` in `tests/it`.

/// One grantee's rights in an access list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AclItem {
    /// A role; `PUBLIC` for everybody.
    pub(crate) grantee: String,
    /// The right, and whether it may be handed on.
    pub(crate) rights: Vec<(&'static str, bool)>,
}

/// What an access list is of; decides what an absent one (NULL) stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AclKind {
    Database,
    Routine,
    Type,
    /// Tables, columns, schemas, sequences: nobody but the owner.
    Closed,
}

/// The items of a list without the owner's own, which ownership gives anyway.
pub(crate) fn entries(kind: AclKind, acl: Option<&str>, owner: &str) -> Vec<AclItem> {
    let items = match acl {
        Some(text) => parse(text),
        None => default_items(kind),
    };
    items
        .into_iter()
        .filter(|item| item.grantee != owner)
        .collect()
}

fn default_items(kind: AclKind) -> Vec<AclItem> {
    let rights = match kind {
        AclKind::Database => vec![("CONNECT", false), ("TEMPORARY", false)],
        AclKind::Routine => vec![("EXECUTE", false)],
        AclKind::Type => vec![("USAGE", false)],
        AclKind::Closed => return Vec::new(),
    };
    vec![AclItem {
        grantee: "PUBLIC".to_owned(),
        rights,
    }]
}

/// Parses the text of an `aclitem[]`. What is not understood is left out of no right: an unknown
/// letter appears as `UNKNOWN`.
pub(crate) fn parse(text: &str) -> Vec<AclItem> {
    elements(text).iter().map(|item| parse_item(item)).collect()
}

/// The elements of a one-dimensional array in text form, unescaped.
pub(crate) fn elements(text: &str) -> Vec<String> {
    let inner = text.trim().trim_start_matches('{');
    let mut found = Vec::new();
    let mut element = String::new();
    let (mut quoted, mut any) = (false, false);
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => element.extend(chars.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => found.push(std::mem::take(&mut element)),
            '}' if !quoted => break,
            _ => element.push(c),
        }
        any = true;
    }
    if any {
        found.push(element);
    }
    found
}

/// `grantee=r*w/grantor`; a name that needs it stands in double quotes, doubled inside.
fn parse_item(item: &str) -> AclItem {
    let (grantee, rest) = take_name(item);
    let letters = rest.strip_prefix('=').unwrap_or(rest);
    let letters = letters.split('/').next().unwrap_or_default();
    let mut rights: Vec<(&'static str, bool)> = Vec::new();
    for letter in letters.chars() {
        match (letter, rights.last_mut()) {
            ('*', Some((_, grantable))) => *grantable = true,
            _ => rights.push((word(letter), false)),
        }
    }
    AclItem {
        grantee: if grantee.is_empty() {
            "PUBLIC".to_owned()
        } else {
            grantee
        },
        rights,
    }
}

fn take_name(item: &str) -> (String, &str) {
    let Some(quoted) = item.strip_prefix('"') else {
        let at = item.find('=').unwrap_or(item.len());
        return (item[..at].to_owned(), &item[at..]);
    };
    let mut name = String::new();
    let mut chars = quoted.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c != '"' {
            name.push(c);
        } else if chars.peek().is_some_and(|(_, next)| *next == '"') {
            name.push('"');
            chars.next();
        } else {
            return (name, &quoted[at + 1..]);
        }
    }
    (name, "")
}

fn word(letter: char) -> &'static str {
    match letter {
        'r' => "SELECT",
        'a' => "INSERT",
        'w' => "UPDATE",
        'd' => "DELETE",
        'D' => "TRUNCATE",
        'x' => "REFERENCES",
        't' => "TRIGGER",
        'm' => "MAINTAIN",
        'X' => "EXECUTE",
        'U' => "USAGE",
        'C' => "CREATE",
        'c' => "CONNECT",
        'T' => "TEMPORARY",
        's' => "SET",
        'A' => "ALTER SYSTEM",
        _ => "UNKNOWN",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(grantee: &str, rights: &[(&'static str, bool)]) -> AclItem {
        AclItem {
            grantee: grantee.to_owned(),
            rights: rights.to_vec(),
        }
    }

    #[test]
    fn names_are_quoted_twice() {
        let found = parse(
            r#"{=Tc/postgres,o=ar*w/o,"\"odd \"\"one\"\", {x}\"=r/o","\"back\\slash\"=d/o"}"#,
        );
        assert_eq!(
            found,
            [
                item("PUBLIC", &[("TEMPORARY", false), ("CONNECT", false)]),
                item(
                    "o",
                    &[("INSERT", false), ("SELECT", true), ("UPDATE", false)]
                ),
                item("odd \"one\", {x}", &[("SELECT", false)]),
                item("back\\slash", &[("DELETE", false)]),
            ]
        );
        assert_eq!(parse("{}"), []);
    }

    #[test]
    fn an_absent_list_is_what_the_server_takes_it_for() {
        assert_eq!(entries(AclKind::Closed, None, "o"), []);
        assert_eq!(
            entries(AclKind::Routine, None, "o"),
            [item("PUBLIC", &[("EXECUTE", false)])]
        );
        assert_eq!(
            entries(AclKind::Database, Some("{o=CTc/o,a=c/o}"), "o"),
            [item("a", &[("CONNECT", false)])]
        );
    }
}
