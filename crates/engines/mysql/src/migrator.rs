//! Who runs migrations: the owner's own account, unlocked for the run.
//!
//! An account made for the run would be the definer of every view, trigger and routine that it
//! makes, and they would fail once it is dropped (1449). The owner's account stays; definers work
//! while it is locked.

use freehold_engine::{At, Change, Migrator, Probe, Step, Subject, Want};

use crate::identities;
use crate::names::{account, accounts_host};
use crate::probe::is_mysql;

/// The owner's login with a verifier for this run, and how it is shut again.
pub(crate) fn migrator(probe: &Probe, want: &Want) -> Migrator {
    let (owner, mysql) = (want.identities.owner.as_str(), is_mysql(probe));
    let account = account(owner, accounts_host(probe));
    let step =
        |change, note| Step::new(change, Subject::Identity, At::Server, owner, note).not_atomic();
    Migrator {
        login: Some(owner.to_owned()),
        open: vec![identities::unlock(
            step(Change::Change, "unlocked for this run"),
            owner,
            &account,
            mysql,
        )],
        close: vec![identities::lock(
            step(Change::Change, "locked again, its sessions ended"),
            owner,
            &account,
            mysql,
        )],
    }
}
