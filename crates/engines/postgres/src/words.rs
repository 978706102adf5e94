//! Rights in the words of a plan.

use std::collections::{BTreeMap, BTreeSet};

use freehold_engine::{Grant, Object};

/// Names are listed up to here, then counted.
const LISTED: usize = 3;

/// `CONNECT, TEMPORARY`, without objects.
pub(crate) fn rights(grants: &BTreeSet<Grant>) -> String {
    let words: BTreeSet<&str> = grants
        .iter()
        .map(|grant| grant.privilege.as_str())
        .collect();
    words.into_iter().collect::<Vec<_>>().join(", ")
}

/// `UPDATE on stock_movements`.
pub(crate) fn rights_on(grants: &BTreeSet<Grant>) -> String {
    format!("{} on {}", rights(grants), objects(grants))
}

fn objects(grants: &BTreeSet<Grant>) -> String {
    let names: BTreeSet<String> = grants.iter().map(|grant| name(&grant.on)).collect();
    some(
        &names.iter().map(String::as_str).collect::<Vec<_>>(),
        "objects",
    )
}

fn name(on: &Object) -> String {
    match on {
        Object::Server => "the server".to_owned(),
        Object::Schema(name) => format!("schema {name}"),
        Object::Database(name)
        | Object::Table(name)
        | Object::Column(name, _)
        | Object::Sequence(name)
        | Object::Routine(name)
        | Object::Type(name)
        | Object::Role(name) => name.clone(),
        Object::Default(kind) => format!("future {}", kind.to_lowercase()),
    }
}

/// What it meant that somebody could enter.
pub(crate) fn door(grants: &BTreeSet<Grant>) -> String {
    let (everybody, who) = match grants.first() {
        Some(grant) if grant.grantee == "PUBLIC" => (true, "anyone"),
        Some(grant) => (false, grant.grantee.as_str()),
        None => (false, ""),
    };
    let has = |right: &str| grants.iter().any(|grant| grant.privilege == right);
    if has("CONNECT") {
        format!("{who} could enter")
    } else if has("TEMPORARY") && everybody {
        "anyone who enters could make temporary tables".to_owned()
    } else {
        format!("{who} could {}", rights(grants).to_lowercase())
    }
}

/// What it meant that somebody undescribed held rights inside: `bob could read and change orders`.
pub(crate) fn taken(who: &str, grants: &BTreeSet<Grant>) -> String {
    let who = if who == "PUBLIC" {
        "anyone who enters"
    } else {
        who
    };
    let mut verbs: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for grant in grants {
        verbs
            .entry(name(&grant.on))
            .or_default()
            .insert(verb(&grant.privilege));
    }
    let mut groups: BTreeMap<BTreeSet<&str>, Vec<&str>> = BTreeMap::new();
    for (object, verbs) in &verbs {
        groups.entry(verbs.clone()).or_default().push(object);
    }
    let parts: Vec<String> = groups
        .into_iter()
        .map(|(verbs, objects)| {
            let verbs: Vec<&str> = verbs.into_iter().collect();
            format!("{} {}", verbs.join(", "), some(&objects, "objects"))
        })
        .collect();
    format!("{who} could {}", parts.join(" and "))
}

fn verb(right: &str) -> &str {
    match right {
        "SELECT" => "read",
        "INSERT" => "insert into",
        "UPDATE" => "change",
        "DELETE" => "delete from",
        "TRUNCATE" => "empty",
        "REFERENCES" => "refer to",
        "TRIGGER" => "hook into",
        "USAGE" => "use",
        "EXECUTE" => "run",
        "CREATE" => "create in",
        "CONNECT" => "enter",
        "MAINTAIN" => "maintain",
        other => other,
    }
}

/// `a, b, c`, or `5 tables`.
pub(crate) fn some(names: &[&str], counted: &str) -> String {
    if names.len() > LISTED {
        format!("{} {counted}", names.len())
    } else {
        names.join(", ")
    }
}

/// Tables by what may be done with them.
#[derive(Debug, Default)]
pub(crate) struct Tables<'a> {
    pub(crate) write: Vec<&'a String>,
    pub(crate) append: Vec<&'a String>,
    pub(crate) read: Vec<&'a String>,
}

impl Tables<'_> {
    /// `read and write 3 tables, insert-only order_items`.
    pub(crate) fn sentence(&self, others: &BTreeSet<&str>) -> String {
        let mut parts = Vec::new();
        for (verb, names) in [
            ("read and write", &self.write),
            ("insert-only", &self.append),
            ("read", &self.read),
        ] {
            let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
            match names.len() {
                0 => {}
                1 => parts.push(format!("{verb} {}", names[0])),
                count if verb == "insert-only" => parts.push(format!(
                    "{verb} {}",
                    some(&names, &format!("of {count} tables"))
                )),
                count => parts.push(format!("{verb} {count} tables")),
            }
        }
        if !others.is_empty() {
            parts.push(format!(
                "use {}",
                others.iter().copied().collect::<Vec<_>>().join(" and ")
            ));
        }
        parts.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_reads_like_speech() {
        let names = [
            "orders".to_owned(),
            "notes".to_owned(),
            "order_items".to_owned(),
        ];
        let tables = Tables {
            write: vec![&names[0], &names[1]],
            append: vec![&names[2]],
            read: vec![],
        };
        assert_eq!(
            tables.sentence(&BTreeSet::from(["the schema"])),
            "read and write 2 tables, insert-only order_items, use the schema"
        );
        let public = |right| Grant::new("PUBLIC", Object::Database("orders".into()), right);
        assert_eq!(
            door(&BTreeSet::from([public("CONNECT"), public("TEMPORARY")])),
            "anyone could enter"
        );
        let bob = BTreeSet::from([Grant::new("bob", Object::Table("orders".into()), "SELECT")]);
        assert_eq!(taken("bob", &bob), "bob could read orders");
    }
}
