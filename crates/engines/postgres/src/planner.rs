//! A login that may only read: what it sees, what it cannot see, and the administrator in whose place
//! it plans. Every catalog is readable by any login that may enter the database, but for passwords
//! and `pg_hba.conf`.

use freehold_engine::{Live, Probe, Want};

use crate::facts::{self, Fact};

/// As a superuser without a name: nothing is wanted for the one who looks.
pub(crate) fn as_administrator(probe: &Probe) -> Probe {
    let mut probe = probe.clone();
    probe.user = String::new();
    for right in ["superuser", "createdb", "createrole"] {
        probe.rights.insert(right.to_owned());
    }
    probe
}

/// Without passwords, and without what is about the login that looked.
pub(crate) fn sees(live: &Live) -> Live {
    let mut live = live.clone();
    for role in live.roles.values_mut() {
        role.has_password = None;
        role.verifier = None;
    }
    facts::forget(
        &mut live,
        &[
            Fact::MayEnter,
            Fact::MayCreate,
            Fact::MayLetIn,
            Fact::SchemaMayGrant,
            Fact::OpenOwner,
            Fact::PlainHba,
        ],
    );
    live
}

/// What this login cannot see.
pub(crate) fn unseen(probe: &Probe, want: &Want) -> Vec<String> {
    if probe.may("superuser") {
        return Vec::new();
    }
    let mut unseen = vec!["whether roles have passwords".to_owned()];
    if want.require_tls {
        unseen.push("pg_hba.conf".to_owned());
    }
    unseen
}
