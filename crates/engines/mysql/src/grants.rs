//! Entries as GRANT and REVOKE, one step per grantee.
//!
//! Pure. Each statement commits for itself, so there must be no weak moment between them, nor one in
//! which somebody at work is refused: what is missing is given first, then what is too much is
//! taken away, and nothing passes through a state with a right that neither has. Only rights on
//! columns are given last, since taking one from the table takes it from its columns too.

use std::collections::{BTreeMap, BTreeSet};

use freehold_engine::{At, Change, Grant, Object, Step, Subject, Want};

use crate::names::{account_of, ident, object};

/// What changes for one grantee.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(crate) missing: BTreeSet<Grant>,
    pub(crate) extra: BTreeSet<Grant>,
}

impl Changes {
    /// Those about one kind of subject, `None` if there are none.
    fn part(&self, subject: Subject) -> Option<Self> {
        let pick = |grants: &BTreeSet<Grant>| {
            grants
                .iter()
                .filter(|grant| subject_of(grant) == subject)
                .cloned()
                .collect()
        };
        let part = Self {
            missing: pick(&self.missing),
            extra: pick(&self.extra),
        };
        (!part.missing.is_empty() || !part.extra.is_empty()).then_some(part)
    }

    fn change(&self) -> Change {
        match (self.missing.is_empty(), self.extra.is_empty()) {
            (false, true) => Change::Add,
            (true, false) => Change::Remove,
            _ => Change::Change,
        }
    }
}

/// The steps of one grantee: at most one about the server and its databases, and one about objects.
pub(crate) fn steps(
    want: &Want,
    grantee: &str,
    changes: &Changes,
    note: &str,
    host: &str,
) -> Vec<Step> {
    [Subject::Access, Subject::Grant]
        .into_iter()
        .filter_map(|subject| Some((subject, changes.part(subject)?)))
        .map(|(subject, part)| {
            let note = if part.extra.is_empty() {
                note.to_owned()
            } else {
                describe(&part)
            };
            let step = Step::new(part.change(), subject, At::Server, grantee, note).not_atomic();
            statements(want, grantee, &part, host)
                .into_iter()
                .fold(step, Step::run)
        })
        .collect()
}

/// Rights on objects of the store are grants; everything else about who may do what is access.
fn subject_of(grant: &Grant) -> Subject {
    match &grant.on {
        Object::Table(_) | Object::Column(..) | Object::Routine(_) | Object::Sequence(_) => {
            Subject::Grant
        }
        _ => Subject::Access,
    }
}

/// `DELETE on order_items taken back; SELECT on orders given`, with the longest lists cut.
fn describe(part: &Changes) -> String {
    let list = |grants: &BTreeSet<Grant>| {
        let mut by_object: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for grant in grants {
            by_object
                .entry(shown(&grant.on))
                .or_default()
                .push(&grant.privilege);
        }
        let more = by_object.len().saturating_sub(3);
        let mut texts: Vec<String> = by_object
            .into_iter()
            .take(3)
            .map(|(on, privileges)| format!("{}{on}", privileges.join(", ")))
            .collect();
        if more > 0 {
            texts.push(format!("and on {more} more"));
        }
        texts.join(", ")
    };
    let mut parts = vec![format!("{} taken back", list(&part.extra))];
    if !part.missing.is_empty() {
        parts.push(format!("{} given", list(&part.missing)));
    }
    parts.join("; ")
}

/// ` on orders`, for people.
pub(crate) fn shown(on: &Object) -> String {
    match on {
        Object::Server => " on the whole server".to_owned(),
        Object::Database(name) => format!(" on every table of {}", name.replace('\\', "")),
        Object::Column(table, column) => format!(" on {table}.{column}"),
        Object::Role(role) => format!(" of {role}"),
        Object::Table(name)
        | Object::Routine(name)
        | Object::Sequence(name)
        | Object::Schema(name)
        | Object::Type(name)
        | Object::Default(name) => format!(" on {name}"),
    }
}

fn statements(want: &Want, grantee: &str, part: &Changes, host: &str) -> Vec<String> {
    let to = account_of(grantee, host);
    // A right that is wanted but for being handed on keeps standing while that is taken away.
    let plain = |grant: &Grant| Grant {
        grantable: false,
        ..grant.clone()
    };
    let kept: BTreeSet<Grant> = part
        .extra
        .iter()
        .filter(|grant| grant.grantable && part.missing.contains(&plain(grant)))
        .cloned()
        .collect();
    let too_much = part
        .extra
        .iter()
        .filter(|grant| !kept.contains(*grant) && grant.privilege != "USAGE");
    let handed_on: BTreeSet<&Object> = part
        .extra
        .iter()
        .filter(|grant| grant.grantable && !matches!(grant.on, Object::Role(_)))
        .map(|grant| &grant.on)
        .collect();
    let given = part
        .missing
        .iter()
        .filter(|grant| !kept.iter().any(|kept| plain(kept) == **grant));
    let swept = |grant: &Grant| match &grant.on {
        Object::Column(table, _) => {
            let whole = Object::Table(table.clone());
            let sweeps = |extra: &Grant| extra.on == whole && extra.privilege == grant.privilege;
            part.extra.iter().any(sweeps)
        }
        _ => false,
    };
    let (columns, whole): (Vec<&Grant>, Vec<&Grant>) = given.partition(|grant| swept(grant));
    let give = |grants: Vec<&'_ Grant>| -> Vec<String> {
        by_place(want, grants.into_iter(), host)
            .map(|(privileges, on)| format!("GRANT {privileges}{on} TO {to}"))
            .collect()
    };
    let mut sql = give(whole);
    sql.extend(
        by_place(want, too_much, host)
            .map(|(privileges, on)| format!("REVOKE {privileges}{on} FROM {to}")),
    );
    sql.extend(
        handed_on
            .into_iter()
            .filter_map(|on| Some(format!("REVOKE GRANT OPTION{} FROM {to}", place(want, on)?))),
    );
    sql.extend(give(columns));
    sql
}

/// Privileges that one statement can name together, and its ` ON …`.
fn by_place<'a>(
    want: &Want,
    grants: impl Iterator<Item = &'a Grant>,
    host: &str,
) -> impl Iterator<Item = (String, String)> {
    let mut places: BTreeMap<String, BTreeMap<String, Vec<String>>> = BTreeMap::new();
    for grant in grants {
        let (on, columns) = match &grant.on {
            Object::Role(role) if grant.privilege == "PROXY" => {
                (format!(" ON {}", account_of(role, host)), None)
            }
            Object::Role(role) => {
                places
                    .entry(format!("\0{role}"))
                    .or_default()
                    .insert(account_of(role, host), vec![]);
                continue;
            }
            Object::Column(table, column) => (
                place(want, &Object::Table(table.clone())).unwrap_or_default(),
                Some(column),
            ),
            other => (place(want, other).unwrap_or_default(), None),
        };
        let privileges = places
            .entry(on)
            .or_default()
            .entry(grant.privilege.clone())
            .or_default();
        privileges.extend(columns.map(|column| ident(column)));
    }
    places.into_iter().map(|(on, privileges)| {
        let list = privileges
            .into_iter()
            .map(|(privilege, columns)| match columns.as_slice() {
                [] => privilege,
                columns => format!("{privilege} ({})", columns.join(", ")),
            });
        let on = if on.starts_with('\0') {
            String::new()
        } else {
            on
        };
        (list.collect::<Vec<_>>().join(", "), on)
    })
}

/// ` ON …` of a GRANT. Objects of other databases carry theirs in backquotes.
fn place(want: &Want, on: &Object) -> Option<String> {
    let qualified = |name: &str| {
        if name.starts_with('`') {
            name.to_owned()
        } else {
            object(&want.spot.database, name)
        }
    };
    Some(match on {
        Object::Server => " ON *.*".to_owned(),
        Object::Database(pattern) => format!(" ON {}.*", ident(pattern)),
        Object::Table(name) | Object::Column(name, _) => format!(" ON {}", qualified(name)),
        Object::Routine(key) => {
            let (kind, name) = key.split_once(' ')?;
            format!(" ON {} {}", kind.to_uppercase(), qualified(name))
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_want::orders;

    fn sql(missing: &[Grant], extra: &[Grant]) -> Vec<String> {
        let changes = Changes {
            missing: missing.iter().cloned().collect(),
            extra: extra.iter().cloned().collect(),
        };
        statements(&orders(), "app", &changes, "127.0.0.1")
    }

    fn on(table: &str, privilege: &str) -> Grant {
        Grant::new("app", Object::Table(table.to_owned()), privilege)
    }

    #[test]
    fn privileges_of_one_object_go_together_and_giving_comes_first() {
        assert_eq!(
            sql(
                &[on("a", "SELECT"), on("a", "INSERT"), on("b", "SELECT")],
                &[on("a", "DELETE")]
            ),
            [
                "GRANT INSERT, SELECT ON `orders`.`a` TO `app`@`127.0.0.1`",
                "GRANT SELECT ON `orders`.`b` TO `app`@`127.0.0.1`",
                "REVOKE DELETE ON `orders`.`a` FROM `app`@`127.0.0.1`",
            ]
        );
    }

    #[test]
    fn a_right_that_is_handed_on_loses_only_that() {
        let handed = Grant {
            grantable: true,
            ..on("a", "SELECT")
        };
        assert_eq!(
            sql(&[on("a", "SELECT")], std::slice::from_ref(&handed)),
            ["REVOKE GRANT OPTION ON `orders`.`a` FROM `app`@`127.0.0.1`"]
        );
        assert_eq!(
            sql(&[], &[handed]),
            [
                "REVOKE SELECT ON `orders`.`a` FROM `app`@`127.0.0.1`",
                "REVOKE GRANT OPTION ON `orders`.`a` FROM `app`@`127.0.0.1`"
            ]
        );
    }

    #[test]
    fn columns_roles_proxies_and_patterns() {
        let column =
            |name: &str| Grant::new("app", Object::Column("a".into(), name.into()), "INSERT");
        assert_eq!(
            sql(&[column("x"), column("y")], &[]),
            ["GRANT INSERT (`x`, `y`) ON `orders`.`a` TO `app`@`127.0.0.1`"]
        );
        let member = Grant::new("app", Object::Role("r@".into()), "MEMBER");
        assert_eq!(sql(&[], &[member]), ["REVOKE `r` FROM `app`@`127.0.0.1`"]);
        let pattern = Grant::new("app", Object::Database("svc\\_a".into()), "SELECT");
        assert_eq!(
            sql(&[], &[pattern]),
            ["REVOKE SELECT ON `svc\\_a`.* FROM `app`@`127.0.0.1`"]
        );
        let elsewhere = Grant::new("app", Object::Table("`x`.`y`".into()), "SELECT");
        assert_eq!(
            sql(&[], &[elsewhere]),
            ["REVOKE SELECT ON `x`.`y` FROM `app`@`127.0.0.1`"]
        );
    }
}
