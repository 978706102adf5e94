//! What a connected server is: version, flavour, the login's rights, the settings that decide
//! what is possible. One query; what it means is decided by a pure function.

use std::collections::{BTreeMap, BTreeSet};

use freehold_engine::{Error, ErrorKind, Flavour, Probe, Result};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::errors::from_driver;

/// One row of two columns per fact. `session_user`, since a migrator acts as the owner.
const ASK: &str = "
SELECT 'user', session_user::text
UNION ALL SELECT 'right', 'superuser' FROM pg_catalog.pg_roles WHERE rolname = session_user AND rolsuper
UNION ALL SELECT 'right', 'createdb' FROM pg_catalog.pg_roles WHERE rolname = session_user AND rolcreatedb
UNION ALL SELECT 'right', 'createrole' FROM pg_catalog.pg_roles WHERE rolname = session_user AND rolcreaterole
UNION ALL SELECT 'right', 'replication' FROM pg_catalog.pg_roles WHERE rolname = session_user AND rolreplication
UNION ALL SELECT 'right', 'bypassrls' FROM pg_catalog.pg_roles WHERE rolname = session_user AND rolbypassrls
UNION ALL SELECT 'setting ' || name, pg_catalog.current_setting(name, true)
  FROM pg_catalog.unnest(ARRAY['server_version', 'server_version_num', 'ssl', 'password_encryption', 'max_connections',
       'max_identifier_length', 'log_statement', 'temp_file_limit', 'in_hot_standby']) AS name
UNION ALL SELECT 'role', rolname::text FROM pg_catalog.pg_roles
  WHERE rolname IN ('rds_superuser', 'cloudsqlsuperuser', 'azure_pg_admin')
UNION ALL SELECT 'function', proname::text FROM pg_catalog.pg_proc WHERE proname = 'aurora_version'";

/// Rights on settings came with 15.
const ASK_SETTINGS: &str = "
UNION ALL SELECT 'right', 'quiet_log' WHERE pg_catalog.has_parameter_privilege(session_user, 'log_min_error_statement', 'SET')";

/// Asks the server. One that is older than we work with still has to say how old it is, so that it
/// is refused for that.
pub(crate) async fn probe(client: &Client, over_tls: bool) -> Result<Probe> {
    let answer = match client.simple_query(&format!("{ASK}{ASK_SETTINGS}")).await {
        Err(error) if error.code() == Some(&SqlState::UNDEFINED_FUNCTION) => {
            client.simple_query(ASK).await
        }
        answer => answer,
    };
    let answers: Vec<(String, String)> = answer
        .map_err(|error| from_driver(&error))?
        .iter()
        .filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some((row.get(0)?.to_owned(), row.get(1)?.to_owned())),
            _ => None,
        })
        .collect();
    read(&answers, over_tls)
}

/// From the answers to the probe. `over_tls`: TLS was asked for, which a server with `ssl = on`
/// always grants.
fn read(answers: &[(String, String)], over_tls: bool) -> Result<Probe> {
    let all = |kind: &str| -> BTreeSet<String> {
        let wanted = answers.iter().filter(|(key, _)| key == kind);
        wanted.map(|(_, value)| value.clone()).collect()
    };
    let settings: BTreeMap<String, String> = answers
        .iter()
        .filter_map(|(key, value)| Some((key.strip_prefix("setting ")?.to_owned(), value.clone())))
        .collect();
    let version_num = settings
        .get("server_version_num")
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| {
            Error::new(
                ErrorKind::Unsupported,
                "the server does not say which version of PostgreSQL it is",
            )
        })?;
    // `15.18 (Debian 15.18-0+deb12u1)`: the packager's words are left out.
    let version = settings.get("server_version").map_or("", String::as_str);
    Ok(Probe {
        product: "PostgreSQL",
        version: version
            .split_whitespace()
            .next()
            .unwrap_or_default()
            .to_owned(),
        version_num,
        flavour: flavour(&all("role"), &all("function")),
        user: all("user").pop_first().unwrap_or_default(),
        rights: all("right"),
        tls: over_tls && settings.get("ssl").is_some_and(|ssl| ssl == "on"),
        settings,
    })
}

fn flavour(roles: &BTreeSet<String>, functions: &BTreeSet<String>) -> Flavour {
    if functions.contains("aurora_version") {
        Flavour::Aurora
    } else if roles.contains("rds_superuser") {
        Flavour::Rds
    } else if roles.contains("cloudsqlsuperuser") {
        Flavour::Cloudsql
    } else if roles.contains("azure_pg_admin") {
        Flavour::Azure
    } else {
        Flavour::Vanilla
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(extra: &[(&str, &str)]) -> Vec<(String, String)> {
        let base = [
            ("user", "adm"),
            ("right", "createdb"),
            ("right", "createrole"),
            ("setting server_version", "15.18 (Debian 15.18-0+deb12u1)"),
            ("setting server_version_num", "150018"),
            ("setting ssl", "on"),
        ];
        let pairs = base.iter().chain(extra);
        pairs
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn a_plain_server() {
        let probe = read(&answers(&[]), true).expect("a probe");
        assert_eq!(
            (probe.version.as_str(), probe.version_num, probe.tls),
            ("15.18", 150_018, true)
        );
        assert_eq!(
            (probe.user.as_str(), probe.flavour),
            ("adm", Flavour::Vanilla)
        );
        assert!(probe.may("createrole") && !probe.may("superuser"));
        assert!(!read(&answers(&[]), false).expect("a probe").tls);
    }

    #[test]
    fn managed_servers_are_known_by_their_roles() {
        let flavour_of =
            |extra: &[(&str, &str)]| read(&answers(extra), false).expect("a probe").flavour;
        assert_eq!(flavour_of(&[("role", "rds_superuser")]), Flavour::Rds);
        assert_eq!(
            flavour_of(&[("role", "rds_superuser"), ("function", "aurora_version")]),
            Flavour::Aurora
        );
        assert_eq!(
            flavour_of(&[("role", "cloudsqlsuperuser")]),
            Flavour::Cloudsql
        );
        assert_eq!(flavour_of(&[("role", "azure_pg_admin")]), Flavour::Azure);
    }

    #[test]
    fn a_server_without_a_version_is_not_guessed_at() {
        let error = read(&[("user".to_owned(), "x".to_owned())], false).expect_err("no version");
        assert_eq!(error.kind, ErrorKind::Unsupported);
    }
}
