//! The statements with which freehold makes a store, as files for `psql`: what the same work takes
//! without it.
//!
//! They are read from the server's own log of one run, where everything stands that was sent. What
//! only reads is left out; so are the migrator's password and login: `psql` runs as the administrator
//! and takes the owner's role.

use std::fmt::Write as _;

/// What the server has to be told for [`script`] to read its log.
pub(super) const SETTINGS: [&str; 2] = [
    "ALTER SYSTEM SET log_statement = 'all'",
    "ALTER SYSTEM SET log_line_prefix = '%p~%u~%d~'",
];

/// A statement, and the session that sent it.
#[derive(Debug, PartialEq, Eq)]
struct Sent {
    session: String,
    user: String,
    database: String,
    sql: String,
}

/// A file for psql from the log of a run that made the store of `service`.
pub(super) fn script(log: &str, service: &str) -> String {
    let sent = changing(statements(log));
    let mut script = String::from("\\set ON_ERROR_STOP 1\n");
    let (mut session, mut roles) = (String::new(), Vec::<(String, String)>::new());
    for one in &sent {
        if one.session != session {
            session.clone_from(&one.session);
            // Ours are one connection after the other; freehold's are open side by side.
            let _ = writeln!(script, "\\connect {}", one.database);
            let role = roles.iter().rev().find(|(of, _)| *of == session);
            if let Some((_, role)) = role {
                let _ = writeln!(script, "{role};");
            } else if one.user.ends_with("_migrator") {
                let _ = writeln!(script, "SET ROLE {service}_owner;");
            }
        }
        let word = one.sql.to_uppercase();
        if word.starts_with("SET ROLE") || word.starts_with("RESET ROLE") {
            roles.push((session.clone(), one.sql.clone()));
        }
        let _ = writeln!(script, "{};", one.sql.trim_end().trim_end_matches(';'));
    }
    script
}

/// Everything that was sent, in order, with its parameters in place.
fn statements(log: &str) -> Vec<Sent> {
    let mut sent: Vec<Sent> = Vec::new();
    for line in log.lines() {
        if let Some(more) = line.strip_prefix('\t') {
            if let Some(last) = sent.last_mut() {
                last.sql.push('\n');
                last.sql.push_str(more);
            }
            continue;
        }
        let mut parts = line.splitn(4, '~');
        let (Some(session), Some(user), Some(database), Some(said)) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            continue;
        };
        let sql = said.strip_prefix("LOG:  statement: ").or_else(|| {
            let rest = said.strip_prefix("LOG:  execute ")?;
            Some(rest.split_once(": ")?.1)
        });
        if let Some(sql) = sql {
            sent.push(Sent {
                session: session.to_owned(),
                user: user.to_owned(),
                database: database.to_owned(),
                sql: sql.to_owned(),
            });
        } else if let (Some(values), Some(last)) =
            (said.strip_prefix("DETAIL:  parameters: "), sent.last_mut())
        {
            last.sql = filled(&last.sql, values);
        }
    }
    sent
}

/// `$1` and so on replaced by `$1 = 'a', $2 = NULL` of the log.
fn filled(sql: &str, values: &str) -> String {
    let mut filled = sql.to_owned();
    let mut rest = values;
    let mut found: Vec<(String, String)> = Vec::new();
    while let Some((name, value)) = rest.split_once(" = ") {
        let name = name.trim_start_matches(", ").to_owned();
        let end = if value.starts_with('\'') {
            let mut end = 1;
            while let Some(quote) = value[end..].find('\'') {
                end += quote + 1;
                if value[end..].starts_with('\'') {
                    end += 1;
                } else {
                    break;
                }
            }
            end
        } else {
            value.find(", $").unwrap_or(value.len())
        };
        found.push((name, value[..end].to_owned()));
        rest = &value[end..];
    }
    // The last first: `$1` is the beginning of `$10`.
    for (name, value) in found.iter().rev() {
        filled = filled.replace(name.as_str(), value);
    }
    filled
}

/// Without what only reads; and without transactions and settings around nothing.
fn changing(sent: Vec<Sent>) -> Vec<Sent> {
    let mut kept: Vec<Sent> = Vec::new();
    for one in sent {
        let word = one.sql.trim_start().to_uppercase();
        let reads = ["SELECT", "SHOW", "WITH"]
            .iter()
            .any(|first| word.starts_with(first));
        if reads || word.contains("READ ONLY") {
            continue;
        }
        if word.starts_with("COMMIT") || word.starts_with("ROLLBACK") {
            let empty = kept
                .last()
                .is_some_and(|last| last.session == one.session && last.sql.starts_with("BEGIN"));
            if empty {
                kept.pop();
                continue;
            }
        }
        kept.push(one);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_becomes_a_script() {
        let log = "1~adm~postgres~LOG:  statement: SELECT 1\n\
                   1~adm~postgres~LOG:  statement: CREATE ROLE s_owner\n\
                   2~s_migrator~s~LOG:  statement: BEGIN\n\
                   2~s_migrator~s~LOG:  statement: CREATE TABLE a (\n\tid INT)\n\
                   2~s_migrator~s~LOG:  execute s1: INSERT INTO l VALUES ($1, $2, $10)\n\
                   2~s_migrator~s~DETAIL:  parameters: $1 = 'it''s, $2 = x', $2 = NULL, $10 = '3'\n\
                   2~s_migrator~s~LOG:  statement: COMMIT\n";
        assert_eq!(
            script(log, "s"),
            "\\set ON_ERROR_STOP 1\n\\connect postgres\nCREATE ROLE s_owner;\n\\connect s\nSET ROLE s_owner;\n\
             BEGIN;\nCREATE TABLE a (\nid INT);\nINSERT INTO l VALUES ('it''s, $2 = x', NULL, '3');\nCOMMIT;\n"
        );
    }
}
