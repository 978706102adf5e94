//! What the connected server is: product, version, who runs it, what this login may do.
//!
//! [`ask`] sends the questions, [`read`] is pure over the answers, so that answers recorded from
//! managed servers can be tested. Rights are in the server's words in lower case with blanks;
//! those on a database are `select on svc\_%`, with the pattern as the catalog has it.

use std::collections::{BTreeMap, BTreeSet};

use freehold_engine::{Error, ErrorKind, Flavour, Probe, Result, Value};
use freehold_sql::Dialect;
use freehold_sql::lexer::{Lexer, TokenKind};

use crate::names::{self, ACCOUNTS_HOST};
use crate::wire::Wire;

const SETTINGS: &str = "'aurora_version', 'binlog_format', 'cloudsql_iam_authentication', 'have_ssl', \
     'innodb_flush_log_at_trx_commit', 'local_infile', 'log_bin', 'log_bin_trust_function_creators', \
     'lower_case_table_names', 'require_secure_transport', 'sync_binlog', 'tls_version'";

/// The oldest versions that have all that is used: database comments and `SET USER`;
/// account attributes.
const OLDEST_MARIADB: u32 = 100_600;
const OLDEST_MYSQL: u32 = 80_021;

/// The answers of one server.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answers {
    pub(crate) version: String,
    pub(crate) comment: String,
    pub(crate) current_user: String,
    pub(crate) basedir: String,
    pub(crate) cipher: String,
    pub(crate) grants: Vec<String>,
    pub(crate) settings: BTreeMap<String, String>,
}

/// Asks the server.
pub(crate) async fn ask(wire: &mut Wire) -> Result<Answers> {
    let mut answers = Answers::default();
    let first = wire
        .query("SELECT VERSION(), @@version_comment, CURRENT_USER(), @@basedir")
        .await?;
    let mut texts = first
        .into_iter()
        .flatten()
        .map(|value| value.text().unwrap_or_default().to_owned());
    for part in [
        &mut answers.version,
        &mut answers.comment,
        &mut answers.current_user,
        &mut answers.basedir,
    ] {
        *part = texts.next().unwrap_or_default();
    }
    let mariadb = is_mariadb(&answers);
    let number = version_number(&answers.version);
    if number
        < if mariadb {
            OLDEST_MARIADB
        } else {
            OLDEST_MYSQL
        }
    {
        let message = format!("{} {} is too old", product(mariadb), answers.version);
        return Err(Error::new(ErrorKind::Unsupported, message));
    }
    answers.grants = wire.texts("SHOW GRANTS").await?;
    // MySQL lists what roles bring only where they are named.
    if !mariadb {
        let roles = wire
            .texts("SELECT CURRENT_ROLE()")
            .await?
            .pop()
            .unwrap_or_default();
        if !roles.is_empty() && roles != "NONE" {
            answers.grants = wire
                .texts(&format!("SHOW GRANTS FOR CURRENT_USER() USING {roles}"))
                .await?;
        }
    }
    answers.settings = pairs(
        &wire
            .query(&format!(
                "SHOW VARIABLES WHERE Variable_name IN ({SETTINGS})"
            ))
            .await?,
    );
    answers.cipher = pairs(&wire.query("SHOW STATUS LIKE 'Ssl_cipher'").await?)
        .into_values()
        .next()
        .unwrap_or_default();
    Ok(answers)
}

fn pairs(rows: &[Vec<Value>]) -> BTreeMap<String, String> {
    rows.iter()
        .filter_map(|row| {
            Some((
                row.first()?.text()?.to_lowercase(),
                row.get(1)?.text()?.to_owned(),
            ))
        })
        .collect()
}

/// What the answers say.
pub(crate) fn read(answers: &Answers) -> Probe {
    let mariadb = is_mariadb(answers);
    let (user, host) = answers
        .current_user
        .rsplit_once('@')
        .unwrap_or((&answers.current_user, "localhost"));
    let mut settings = answers.settings.clone();
    settings.insert(ACCOUNTS_HOST.to_owned(), host.to_owned());
    Probe {
        product: product(mariadb),
        version: answers
            .version
            .split(['-', '+'])
            .next()
            .unwrap_or_default()
            .to_owned(),
        version_num: version_number(&answers.version),
        flavour: flavour(answers, mariadb),
        user: user.to_owned(),
        rights: answers
            .grants
            .iter()
            .flat_map(|line| rights_of(line))
            .collect(),
        settings,
        tls: !answers.cipher.is_empty(),
    }
}

fn is_mariadb(answers: &Answers) -> bool {
    let mentions = |text: &str| text.to_lowercase().contains("mariadb");
    mentions(&answers.version) || mentions(&answers.comment)
}

fn product(mariadb: bool) -> &'static str {
    if mariadb { "MariaDB" } else { "MySQL" }
}

/// Is this Oracle's server?
pub(crate) fn is_mysql(probe: &Probe) -> bool {
    probe.product == "MySQL"
}

fn version_number(version: &str) -> u32 {
    // MariaDB replicates to old clients as `5.5.5-10.11.19-MariaDB`.
    let version = version.strip_prefix("5.5.5-").unwrap_or(version);
    let mut parts = version
        .split(|c: char| !c.is_ascii_digit())
        .map(|part| part.parse::<u32>().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    next() * 10_000 + next() * 100 + next()
}

fn flavour(answers: &Answers, mariadb: bool) -> Flavour {
    let has = |text: &str, part: &str| text.to_lowercase().contains(part);
    if answers.settings.contains_key("aurora_version") {
        Flavour::Aurora
    } else if has(&answers.basedir, "rdsdbbin") || has(&answers.comment, "rds") {
        Flavour::Rds
    } else if has(&answers.version, "-google")
        || answers.settings.contains_key("cloudsql_iam_authentication")
    {
        Flavour::Cloudsql
    } else if has(&answers.comment, "azure") || has(&answers.version, "azure") {
        Flavour::Azure
    } else if mariadb {
        Flavour::Mariadb
    } else {
        Flavour::Vanilla
    }
}

/// The rights that one line of `SHOW GRANTS` gives. Lines about single tables, routines, roles and
/// proxies give none: they do not make an admin.
fn rights_of(line: &str) -> Vec<String> {
    let tokens: Vec<_> = Lexer::new(Dialect::Mysql, line)
        .filter(|token| !token.is_trivia())
        .collect();
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text(line));
    let Some(on) = (0..tokens.len()).find(|&at| text(at).eq_ignore_ascii_case("ON")) else {
        return vec![];
    };
    if !text(0).eq_ignore_ascii_case("GRANT") || text(on + 2) != "." || text(on + 3) != "*" {
        return vec![];
    }
    let scope = match tokens[on + 1].kind {
        TokenKind::QuotedName => format!(" on {}", unquoted(text(on + 1))),
        _ if text(on + 1) == "*" => String::new(),
        _ => return vec![],
    };
    let words: Vec<&str> = (1..on).map(text).collect();
    let mut rights: Vec<String> = words
        .split(|word| *word == ",")
        .map(|privilege| privilege.join(" ").to_lowercase().replace('_', " "))
        .map(|privilege| {
            format!(
                "{}{scope}",
                if privilege == "all privileges" {
                    "all"
                } else {
                    &privilege
                }
            )
        })
        .collect();
    if line
        .trim_end()
        .to_uppercase()
        .ends_with("WITH GRANT OPTION")
    {
        rights.push(format!("grant option{scope}"));
    }
    rights
}

fn unquoted(name: &str) -> String {
    let mark = name.chars().next().unwrap_or('`');
    name[1..name.len() - 1].replace(&format!("{mark}{mark}"), &mark.to_string())
}

/// Does this login hold a right on the whole server?
pub(crate) fn holds(rights: &BTreeSet<String>, privilege: &str) -> bool {
    rights.contains(&privilege.to_lowercase())
        || (rights.contains("all") && privilege != "grant option")
}

/// Does it hold a right on a database, by any entry?
pub(crate) fn holds_on(rights: &BTreeSet<String>, privilege: &str, database: &str) -> bool {
    let privilege = privilege.to_lowercase();
    holds(rights, &privilege)
        || rights
            .iter()
            .filter_map(|right| right.split_once(" on "))
            .any(|(held, pattern)| {
                let covers = held == privilege || (held == "all" && privilege != "grant option");
                covers && names::matches(pattern, database)
            })
}

/// May it take this privilege back on an entry written as `pattern`? The server compares the texts,
/// so that rights on another pattern do not count.
pub(crate) fn covers_entry(rights: &BTreeSet<String>, privilege: &str, pattern: &str) -> bool {
    let privilege = privilege.to_lowercase();
    ["all", &privilege].iter().any(|held| {
        holds(rights, held) && holds(rights, "grant option")
            || rights.contains(&format!("{held} on {pattern}"))
                && rights.contains(&format!("grant option on {pattern}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(version: &str, comment: &str, basedir: &str, settings: &[(&str, &str)]) -> Probe {
        read(&Answers {
            version: version.to_owned(),
            comment: comment.to_owned(),
            current_user: "adm@10.%".to_owned(),
            basedir: basedir.to_owned(),
            settings: settings
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            ..Answers::default()
        })
    }

    #[test]
    fn products_versions_and_flavours() {
        let debian = recorded("10.11.19-MariaDB-0+deb12u1-log", "Debian 12", "/usr/", &[]);
        assert_eq!(
            (debian.product, debian.version_num, debian.flavour),
            ("MariaDB", 101_119, Flavour::Mariadb)
        );
        assert_eq!(debian.version, "10.11.19");
        let oracle = recorded("9.7.4", "MySQL Community Server - GPL", "/usr/", &[]);
        assert_eq!(
            (oracle.product, oracle.version_num, oracle.flavour),
            ("MySQL", 90_704, Flavour::Vanilla)
        );
        let rds = recorded(
            "8.0.36",
            "Source distribution",
            "/rdsdbbin/mysql-8.0.36.R1/",
            &[],
        );
        assert_eq!(rds.flavour, Flavour::Rds);
        let aurora = recorded(
            "8.0.34",
            "Source distribution",
            "/rdsdbbin/oscar-8.0/",
            &[("aurora_version", "3.07")],
        );
        assert_eq!(aurora.flavour, Flavour::Aurora);
        assert_eq!(
            recorded("8.0.31-google", "(Google)", "/usr/", &[]).flavour,
            Flavour::Cloudsql
        );
        assert_eq!(
            recorded("5.5.5-10.6.16-MariaDB", "", "/", &[]).version_num,
            100_616
        );
        assert_eq!(names::accounts_host(&oracle), "10.%");
    }

    #[test]
    fn rights_are_read_from_grants() {
        let lines = [
            "GRANT PROCESS, CREATE USER, SET USER ON *.* TO `adm`@`127.0.0.1` IDENTIFIED BY PASSWORD '*3D' WITH GRANT OPTION",
            "GRANT SELECT ON `mysql`.* TO `adm`@`127.0.0.1`",
            "GRANT ALL PRIVILEGES ON `svc\\_%`.* TO `adm`@`127.0.0.1` WITH GRANT OPTION",
            "GRANT SELECT, INSERT (`a`) ON `x`.`t` TO `adm`@`127.0.0.1`",
            "GRANT `role` TO `adm`@`127.0.0.1` WITH ADMIN OPTION",
            "GRANT PROXY ON ''@'' TO 'root'@'localhost' WITH GRANT OPTION",
        ];
        let rights: BTreeSet<String> = lines.iter().flat_map(|line| rights_of(line)).collect();
        assert!(
            holds(&rights, "SET USER")
                && holds(&rights, "grant option")
                && !holds(&rights, "super")
        );
        assert!(holds_on(&rights, "select", "mysql") && !holds_on(&rights, "insert", "mysql"));
        assert!(
            holds_on(&rights, "CREATE ROUTINE", "svc_a")
                && holds_on(&rights, "grant option", "svc_a")
        );
        assert!(!holds_on(&rights, "select", "svcXa") && !holds_on(&rights, "insert", "x"));
    }

    #[test]
    fn all_does_not_say_that_it_may_be_handed_on() {
        let rights = rights_of("GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost`")
            .into_iter()
            .collect();
        assert!(holds(&rights, "create user") && !holds(&rights, "grant option"));
        let dynamic = rights_of(
            "GRANT CONNECTION_ADMIN,SET_ANY_DEFINER ON *.* TO `root`@`%` WITH GRANT OPTION",
        );
        assert_eq!(
            dynamic,
            ["connection admin", "set any definer", "grant option"]
        );
    }
}
