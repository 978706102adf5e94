//! Databases of the server that are not ours and that everybody may enter: closed only on request
//! (`--server-wide`), and with a list of who would be shut out.

use freehold_engine::{At, Change, Step, Subject};

use crate::case::Case;
use crate::facts::{self, Fact};
use crate::names::ident;
use crate::words;

/// One step for each such database that this administrator may close.
pub(crate) fn steps(case: &Case<'_>) -> Vec<Step> {
    if !case.want.server_wide || case.is_migrator() {
        return Vec::new();
    }
    facts::lines(case.live, Fact::OpenDatabases, "")
        .into_iter()
        .filter(|name| {
            case.probe.may("superuser") || facts::get(case.live, Fact::OpenOwner, name).is_empty()
        })
        .map(|name| {
            let statement = format!(
                "REVOKE CONNECT, TEMPORARY ON DATABASE {} FROM PUBLIC",
                ident(&name)
            );
            Step::new(
                Change::Remove,
                Subject::Server,
                At::Server,
                format!("CONNECT, TEMPORARY on {name} to PUBLIC"),
                note(case, &name),
            )
            .run("SET LOCAL ROLE NONE")
            .run(statement)
        })
        .collect()
}

fn note(case: &Case<'_>, database: &str) -> String {
    let logins = facts::lines(case.live, Fact::OpenLogins, database);
    let sessions = facts::lines(case.live, Fact::OpenSessions, database);
    if logins.is_empty() {
        return "nobody uses this way in".to_owned();
    }
    // Every one of them is named: this is what somebody decides on.
    let logins: Vec<&str> = logins.iter().map(String::as_str).collect();
    let open = if sessions.is_empty() {
        "none has a session there".to_owned()
    } else {
        let sessions: Vec<&str> = sessions.iter().map(String::as_str).collect();
        format!(
            "open sessions: {}",
            words::some(&sessions, "logins have some")
        )
    };
    format!("shut out: {}; {open}", logins.join(", "))
}
