//! What an engine crate implements: static facts, pure decisions, and one way to connect.

use freehold_model::{EngineKind, Fault, Isolation};
use freehold_sql::Dialect;
use serde::Serialize;

use crate::adopt::{Adoption, Ejection};
use crate::audit;
use crate::connection::{BoxFuture, Connection};
use crate::endpoint::Endpoint;
use crate::error::{Error, ErrorKind, Result};
use crate::ledger::LedgerSql;
use crate::live::Live;
use crate::plane::EventSql;
use crate::probe::Probe;
use crate::saga::SagaSql;
use crate::secret::{Secret, Verifier};
use crate::step::Step;
use crate::want::{Keep, Spot, Want};

/// Does the engine itself keep others out at an isolation level?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Enforcement {
    /// The engine refuses.
    Enforced,
    /// Convention only; shown as such.
    Advisory,
    /// Not to be had.
    Unsupported,
}

/// Can DDL be rolled back?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Ddl {
    /// A migration is one transaction.
    Transactional,
    /// Each statement commits: a migration is resumed statement by statement.
    Committing,
}

/// Whether a cell of the support matrix was run against a live server by this project's tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Run {
    /// In CI.
    Ci,
    /// In the long proofs.
    Prove,
    /// Never.
    Never,
}

/// What the code can do. The support matrix is derived from it.
#[derive(Debug, Clone, Serialize)]
pub struct EngineInfo {
    /// Which kinds of the description it serves; the first is its name.
    pub kinds: &'static [EngineKind],
    /// URL schemes that it takes.
    pub schemes: &'static [&'static str],
    /// How each level is kept, weakest level first.
    pub isolation: &'static [(Isolation, Enforcement)],
    /// Are identities the engine's own logins (false: SQLite)?
    pub identities: bool,
    /// Can DDL be rolled back?
    pub ddl: Ddl,
    /// Does connecting to a store make it where it is not there (a file)? Then the server is asked
    /// first; elsewhere a store that can be entered is looked at over its own connection alone.
    pub connecting_makes: bool,
    /// Statements that say how long one waits for a lock, with `{ms}`, `{s}` (whole seconds) and
    /// `{local}` (`LOCAL ` inside a transaction) in them. None: the engine waits in its own way.
    #[serde(skip)]
    pub lock_timeout: &'static [&'static str],
    /// A query for the rows of a table, by the server's own estimate, and its bytes with indexes;
    /// `{database}`, `{schema}` and `{table}` stand for literals. `None`: rows have to be counted.
    #[serde(skip)]
    pub table_size: Option<&'static str>,
    /// Versions that are meant to work, and whether they were run: `("15", Run::Ci)`.
    pub versions: &'static [(&'static str, Run)],
    /// What it cannot do or does another way, a sentence each.
    pub notes: &'static [&'static str],
}

/// What [`Engine::diff`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Diff {
    /// Changes in the order in which they have to be made; empty: live is as described.
    pub steps: Vec<Step>,
    /// What forbids to begin at all: a name taken by somebody else, rights that the admin lacks,
    /// an append-only table with a hole.
    pub refused: Vec<Fault>,
    /// What this engine, version or flavour cannot enforce, or only somebody with more rights can
    /// undo (the exact statement stands in the help). Never silent, never a reason to stop.
    pub advisory: Vec<Fault>,
}

/// How the account that runs migrations comes and goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migrator {
    /// Its login; `None`: the engine has no identities, the admin's connection is used.
    pub login: Option<String>,
    /// Makes it usable with a verifier made for this run. Repeatable, also after a crash.
    pub open: Vec<Step>,
    /// Makes it unusable, ends its sessions, removes it where the engine's objects allow.
    /// Repeatable.
    pub close: Vec<Step>,
}

/// What [`Engine::drop_steps`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Drop {
    /// Removals in order.
    pub steps: Vec<Step>,
    /// Why not.
    pub refused: Vec<Fault>,
}

/// One kind of database. Static and pure, but for [`Engine::connect`].
pub trait Engine: Send + Sync {
    /// What the code can do.
    fn info(&self) -> &'static EngineInfo;

    /// The SQL that it speaks.
    fn dialect(&self) -> Dialect;

    /// Where a store of this name stands at this level on that server.
    fn spot(&self, server: &Endpoint, isolation: Isolation, name: &str) -> Spot;

    /// The address of the store for a login with this spot (database set; on SQLite the file).
    fn at_store(&self, server: &Endpoint, spot: &Spot) -> Endpoint;

    /// Where the lock of a run is taken: the same place whichever database the server's URL names.
    fn at_lock(&self, server: &Endpoint) -> Endpoint {
        server.clone()
    }

    /// Opens a session and probes the server.
    ///
    /// # Errors
    /// `Unavailable`, `LoginRefused`, `Tls`, `Missing` (no such database).
    fn connect<'a>(&'a self, at: &'a Endpoint) -> BoxFuture<'a, Result<Box<dyn Connection>>>;

    /// The changes that make `live` what is wanted. Pure: the same input gives the same steps, and
    /// a store that is as described gives none. Covers everything but migrations; on a store that
    /// does not exist yet it covers all that can be made before the first migration.
    fn diff(&self, probe: &Probe, want: &Want, live: &Live) -> Diff;

    /// How the migrator comes and goes.
    fn migrator(&self, probe: &Probe, want: &Want) -> Migrator;

    /// Removes what stands on the service's own tables and would be in the way of a change of them:
    /// views of today's rows. Sent before migrations run; the diff after them makes it again.
    fn unbind(&self, _want: &Want) -> Vec<Step> {
        Vec::new()
    }

    /// The changes that remove the store and its identities, and nothing else.
    fn drop_steps(&self, probe: &Probe, want: &Want, live: &Live, keep: Keep) -> Drop;

    /// The changes that make a store of somebody else, with all that is in it, this store. Pure.
    fn adopt(&self, probe: &Probe, want: &Want, live: &Live) -> Adoption;

    /// The changes that leave a store to its people: freehold's own tables, routines, identities and
    /// marks go; the data, the program's logins and their rights stay as they are. Pure.
    fn eject_steps(&self, _probe: &Probe, want: &Want, _live: &Live) -> Ejection {
        let message = format!("{}: this engine cannot be left yet", want.label());
        Ejection {
            refused: vec![Fault::new("FH3007", message)],
            ..Ejection::default()
        }
    }

    /// The changes that mark again what [`Engine::eject_steps`] left unmarked: logins and roles with
    /// this store's names, of which somebody says that they are this store's. They come before the
    /// steps of [`Engine::adopt`]. Pure.
    fn reclaim(&self, _probe: &Probe, _want: &Want, live: &Live) -> Adoption {
        Adoption {
            then: live.clone(),
            ..Adoption::default()
        }
    }

    /// The probe as an administrator would have it, whoever asked: a login that may only read plans
    /// what an administrator would do.
    fn as_administrator(&self, probe: &Probe) -> Probe {
        probe.clone()
    }

    /// The state as a login that may only read sees it, whoever looked: for comparing what was planned
    /// by such a login with what stands there when it is applied.
    fn as_planner_sees(&self, live: &Live) -> Live {
        live.clone()
    }

    /// What this login could not see, in words: `triggers`. Nothing follows from it in a diff.
    fn unseen(&self, _probe: &Probe, _want: &Want, _live: &Live) -> Vec<String> {
        Vec::new()
    }

    /// The form in which this server stores a password. Salted anew on each call.
    fn verifier(&self, probe: &Probe, login: &str, password: &Secret) -> Verifier;

    /// The ledger's statements for one store.
    fn ledger(&self, want: &Want) -> LedgerSql;

    /// The event plane's statements for one store; `None`: this engine has no event plane yet.
    fn events(&self, _want: &Want) -> Option<EventSql> {
        None
    }

    /// The statements of one store's sagas; `None`: this engine has none yet.
    fn sagas(&self, _want: &Want) -> Option<SagaSql> {
        None
    }

    /// Reads who can and does reach what in the database at `at`, whoever made it: over a
    /// connection of its own, in one read-only transaction, within `limits`. What cannot be seen
    /// is said in the facts.
    ///
    /// # Errors
    /// Only when there is nothing to tell at all: no connection, or `Unsupported`.
    fn audit<'a>(
        &'a self,
        _at: &'a Endpoint,
        _limits: &'a audit::Limits,
    ) -> BoxFuture<'a, Result<audit::Facts>> {
        Box::pin(async {
            Err(Error::new(
                ErrorKind::Unsupported,
                "databases of this kind cannot be audited",
            ))
        })
    }
}
