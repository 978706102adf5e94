//! The store's accounts: made locked, kept locked where nobody logs in, and mended where somebody
//! opened a second way in.
//!
//! Pure. An account is made without a password that anybody knows *and* locked, so that neither
//! alone opens it. What an account may do is `wanted`, how passwords come is `issuer`.

use std::collections::BTreeMap;

use freehold_engine::{At, Change, Object, Probe, Role, Sql, Step, Subject, Want};

use crate::grants::Changes;
use crate::names::{account, accounts_host, ident};
use crate::probe::is_mysql;
use crate::{ledger, verifier};

/// What an account is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Owner,
    App(usize),
    Sidecar,
    Backup,
    Issuer,
}

impl Purpose {
    pub(crate) const ALL: [Self; 6] = [
        Self::Owner,
        Self::App(0),
        Self::App(1),
        Self::Sidecar,
        Self::Backup,
        Self::Issuer,
    ];

    pub(crate) fn name(self, want: &Want) -> &str {
        let names = &want.identities;
        match self {
            Self::Owner => &names.owner,
            Self::App(index) => &names.app.logins[index.min(1)],
            Self::Sidecar => &names.sidecar,
            Self::Backup => &names.backup,
            Self::Issuer => &names.issuer,
        }
    }

    /// Does anybody ever log in as it outside a migration?
    fn is_login(self) -> bool {
        !matches!(self, Self::Owner | Self::Issuer)
    }

    fn note(self) -> &'static str {
        match self {
            Self::Owner => "definer of what migrations make, unlocked for a migration only",
            Self::App(0) => "the program's rights, first of two logins",
            Self::App(_) => "the program's rights, second of two logins",
            Self::Sidecar => "the ledger, no business tables",
            Self::Backup => "reads everything of the store",
            Self::Issuer => "cannot log in; changes the passwords of this store's logins",
        }
    }
}

/// The clause that names how a password is checked, without the stored form.
pub(crate) fn identified(mysql: bool) -> &'static str {
    if mysql {
        "IDENTIFIED WITH caching_sha2_password AS "
    } else {
        "IDENTIFIED VIA mysql_native_password USING "
    }
}

fn plugin(mysql: bool) -> &'static str {
    if mysql {
        "plugin=caching_sha2_password"
    } else {
        "plugin=mysql_native_password"
    }
}

/// Makes an account that nobody can enter. On `MariaDB` its mark goes into the ledger first.
pub(crate) fn create(probe: &Probe, want: &Want, purpose: Purpose) -> Step {
    let (host, mysql, name) = (accounts_host(probe), is_mysql(probe), purpose.name(want));
    let step = Step::new(
        Change::Add,
        Subject::Identity,
        At::Server,
        name,
        purpose.note(),
    )
    .not_atomic();
    let require = if want.require_tls { " REQUIRE SSL" } else { "" };
    let made = format!(
        "CREATE USER {} {}{}{require}",
        account(name, host),
        identified(mysql),
        verifier::impossible(mysql)
    );
    if mysql {
        let mark = want.mark().replace('\'', "''");
        step.run(format!(
            "{made} PASSWORD EXPIRE NEVER ACCOUNT LOCK COMMENT '{mark}'"
        ))
    } else {
        step.run(ledger::mark_identity(want, name, host))
            .run(format!("{made} ACCOUNT LOCK PASSWORD EXPIRE NEVER"))
    }
}

/// Mends what somebody changed about an account of ours. A login that has a password is as it
/// should be.
pub(crate) fn mend(probe: &Probe, want: &Want, purpose: Purpose, role: &Role) -> Option<Step> {
    let (mysql, name) = (is_mysql(probe), purpose.name(want));
    let mut whys = vec![];
    if role.can_login && !purpose.is_login() {
        whys.push("could log in");
    } else if role.can_login && role.has_password != Some(true) {
        whys.push("could log in without a password");
    }
    if role.attributes.contains("second_way_in") || !role.attributes.contains(plugin(mysql)) {
        whys.push("had another way in than its password");
    }
    let shut = !whys.is_empty();
    let open_to_plain = want.require_tls && !role.attributes.contains("require_ssl");
    if open_to_plain {
        whys.push("could connect without TLS");
    }
    if whys.is_empty() {
        return None;
    }
    let step = Step::new(
        Change::Change,
        Subject::Identity,
        At::Server,
        name,
        whys.join(", "),
    )
    .not_atomic();
    let account = account(name, accounts_host(probe));
    let step = if open_to_plain {
        step.run(format!("ALTER USER {account} REQUIRE SSL"))
    } else {
        step
    };
    Some(if shut {
        lock(step, name, &account, mysql)
    } else {
        step
    })
}

/// Takes the password away, locks, and ends the sessions. `KILL USER` is `MariaDB`'s; for `MySQL`
/// the session that applies the step does the same.
pub(crate) fn lock(step: Step, user: &str, account: &str, mysql: bool) -> Step {
    let shut = step.run(format!(
        "ALTER USER {account} {}{} ACCOUNT LOCK",
        identified(mysql),
        verifier::impossible(mysql)
    ));
    let shut = if mysql {
        shut.run(format!("ALTER USER {account} DISCARD OLD PASSWORD"))
    } else {
        shut
    };
    shut.run(format!("KILL USER {}", ident(user)))
}

/// Opens an account with the verifier made for this run.
pub(crate) fn unlock(step: Step, user: &str, account: &str, mysql: bool) -> Step {
    step.run_sql(Sql::with_verifier(
        format!("ALTER USER {account} {}", identified(mysql)),
        user,
        " ACCOUNT UNLOCK",
    ))
}

/// What new rights amount to, for the plan.
pub(crate) fn rights_note(want: &Want, grantee: &str, changes: &Changes) -> String {
    if grantee == want.identities.owner {
        return format!(
            "all rights on {}, of use during a migration only",
            want.spot.database
        );
    }
    if grantee == want.identities.issuer {
        return "changes passwords, for its procedure".to_owned();
    }
    let mut tables: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut routines = 0;
    for grant in &changes.missing {
        match &grant.on {
            Object::Table(name) | Object::Column(name, _) => {
                tables.entry(name).or_default().push(&grant.privilege);
            }
            Object::Routine(_) => routines += 1,
            _ => {}
        }
    }
    let (own, tables): (Vec<_>, Vec<_>) = tables
        .into_iter()
        .partition(|(name, _)| want.spot.is_own(name));
    let (write, rest): (Vec<_>, Vec<_>) = tables
        .into_iter()
        .partition(|(_, privileges)| privileges.contains(&"UPDATE"));
    let (append, read): (Vec<_>, Vec<_>) = rest
        .into_iter()
        .partition(|(_, privileges)| privileges.contains(&"INSERT"));
    let count = |number: usize, one: &str| {
        if number == 1 {
            format!("1 {one}")
        } else {
            format!("{number} {one}s")
        }
    };
    let mut parts = vec![];
    if !write.is_empty() {
        parts.push(format!("read and write {}", count(write.len(), "table")));
    }
    if !append.is_empty() {
        parts.push(format!(
            "insert-only {}",
            append
                .iter()
                .map(|(name, _)| *name)
                .collect::<Vec<_>>()
                .join(", ")
        ));
    }
    if !read.is_empty() {
        parts.push(format!("read {}", count(read.len(), "table")));
    }
    if !own.is_empty() {
        parts.push(format!(
            "read {}",
            own.iter()
                .map(|(name, _)| *name)
                .collect::<Vec<_>>()
                .join(", ")
        ));
    }
    if routines > 0 {
        parts.push(format!("execute {}", count(routines, "routine")));
    }
    parts.join(", ")
}
