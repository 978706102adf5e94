//! Names of accounts, databases and tables as SQL text, and how they stand in the catalog.
//!
//! Owns the quoting of accounts (`user`@`host`), patterns of database-level grants and the one
//! rule for the host part. An account is named by a *key*: its user alone where its host is the
//! one that this store uses, else `user@host`; a role has no host: `role@`; `PUBLIC` is itself.

use freehold_engine::{Probe, Want};
use freehold_model::Fault;
use freehold_sql::{Dialect, quote_ident, quote_literal};

/// Everybody, on `MariaDB` 10.11 and later.
pub(crate) const PUBLIC: &str = "PUBLIC";

/// Under which [`Probe::settings`] name the host part of this store's accounts is kept.
pub(crate) const ACCOUNTS_HOST: &str = "freehold_accounts_host";

/// The host part of accounts made over this connection: that of the admin's own account. A
/// service stands where its admin's entry is allowed from, and `%` is used only by who uses it.
pub(crate) fn accounts_host(probe: &Probe) -> &str {
    probe
        .settings
        .get(ACCOUNTS_HOST)
        .map_or("localhost", String::as_str)
}

/// A name between backquotes, which mean a name under every `sql_mode`. Names of a description
/// pass [`faults`] first; names of a catalog are good by being there.
pub(crate) fn ident(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A text as a literal that means the same under every setting of the session.
pub(crate) fn literal(text: &str) -> String {
    // Fails for other dialects only, which cannot write a NUL.
    quote_literal(Dialect::Mysql, text).unwrap_or_else(|_| "''".to_owned())
}

/// `database`.`object`.
pub(crate) fn object(database: &str, name: &str) -> String {
    format!("{}.{}", ident(database), ident(name))
}

/// The database in `database`.`object`, for an object of another database.
pub(crate) fn database_of(qualified: &str) -> Option<String> {
    let (database, _) = qualified.strip_prefix('`')?.split_once("`.`")?;
    Some(database.replace("``", "`"))
}

/// An account by user and host; without host a role.
pub(crate) fn account(user: &str, host: &str) -> String {
    if host.is_empty() && user == PUBLIC {
        PUBLIC.to_owned()
    } else if host.is_empty() {
        ident(user)
    } else {
        format!("{}@{}", ident(user), ident(host))
    }
}

/// The key of an account, for the maps and sets of `Live`.
pub(crate) fn key(user: &str, host: &str, accounts_host: &str) -> String {
    if host.is_empty() && user == PUBLIC {
        PUBLIC.to_owned()
    } else if host == accounts_host && !user.contains('@') {
        user.to_owned()
    } else {
        format!("{user}@{host}")
    }
}

/// User and host behind a key.
pub(crate) fn parts<'a>(key: &'a str, accounts_host: &'a str) -> (&'a str, &'a str) {
    match key.rsplit_once('@') {
        Some((user, host)) => (user, host),
        None if key == PUBLIC => (PUBLIC, ""),
        None => (key, accounts_host),
    }
}

/// The account behind a key, as SQL.
pub(crate) fn account_of(key: &str, accounts_host: &str) -> String {
    let (user, host) = parts(key, accounts_host);
    account(user, host)
}

/// The database's name as a pattern that matches nothing else: `_` and `%` are wildcards in
/// database-level grants, so that `svc_a` would reach `svcXa`.
pub(crate) fn pattern(database: &str) -> String {
    database
        .replace('\\', "\\\\")
        .replace('_', "\\_")
        .replace('%', "\\%")
}

/// Does a database-level grant on `pattern` reach `database`?
pub(crate) fn matches(pattern: &str, database: &str) -> bool {
    like(
        &pattern.chars().collect::<Vec<_>>(),
        &database.chars().collect::<Vec<_>>(),
    )
}

fn like(pattern: &[char], text: &[char]) -> bool {
    match pattern {
        [] => text.is_empty(),
        ['%', rest @ ..] => (0..=text.len()).any(|skip| like(rest, &text[skip..])),
        ['_', rest @ ..] => !text.is_empty() && like(rest, &text[1..]),
        ['\\', literal, rest @ ..] | [literal, rest @ ..] => {
            text.first() == Some(literal) && like(rest, &text[1..])
        }
    }
}

/// Faults of the names that a description brings.
pub(crate) fn faults(want: &Want) -> Vec<Fault> {
    let names = &want.identities;
    [want.spot.database.as_str(), &names.owner, &names.issuer]
        .into_iter()
        .chain(want.logins())
        .chain(want.append_only.iter().map(String::as_str))
        .chain(want.access.iter().map(|access| access.who.as_str()))
        .filter_map(|name| quote_ident(Dialect::Mysql, name).err())
        .map(|error| error.fault())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escaped_pattern_reaches_one_database() {
        assert!(matches("svc_a", "svcXa") && matches("svc_a", "svc_a"));
        assert!(matches(&pattern("svc_a"), "svc_a") && !matches(&pattern("svc_a"), "svcXa"));
        assert!(matches("svc%", "svc_a") && matches("%", "x") && !matches("svc\\%", "svc_a"));
        assert!(matches(&pattern("a%b\\c"), "a%b\\c"));
    }

    #[test]
    fn keys_lead_back_to_their_accounts() {
        for (user, host) in [
            ("app", "127.0.0.1"),
            ("app", "%"),
            ("a@b", "127.0.0.1"),
            ("role", ""),
            ("PUBLIC", ""),
        ] {
            assert_eq!(
                parts(&key(user, host, "127.0.0.1"), "127.0.0.1"),
                (user, host)
            );
        }
    }

    #[test]
    fn a_name_cannot_leave_its_quotes() {
        assert_eq!(ident("a`; DROP"), "`a``; DROP`");
        assert_eq!(account("a`b", "h"), "`a``b`@`h`");
    }
}
