//! PostgreSQL, 15 and later.
//!
//! `diff.rs` decides (pure), `session.rs` acts, `inspect.rs` reads; one file for each part of a
//! store beside them. The sequences of statements were tried as superuser and as a plain
//! administrator (CREATEDB, CREATEROLE) on 15 and 17, whose rules for roles differ; `tests/it`
//! repeats that. Everything that the owner owns is changed by acting as the owner, and whether it
//! took effect is asked of the catalogs, since a REVOKE can succeed and do nothing.

mod acl;
mod adopt;
mod adopted;
mod advisories;
mod audit;
mod case;
mod catalog;
mod connect;
mod diff;
mod drop;
mod dump;
mod eject;
mod errors;
mod facts;
mod grants;
mod half_made;
mod holes;
mod identities;
mod inspect;
mod issuer;
mod ledger;
mod membership;
mod migrator;
mod names;
mod outbox;
mod plane;
mod planner;
mod probe;
mod read_models;
mod refusals;
mod rows;
mod sagas;
mod schema;
mod server_wide;
mod session;
mod statements;
mod values;
mod verifier;
mod wanted;
mod words;

use freehold_engine::{
    BoxFuture, Connection, Ddl, Diff, Drop, Endpoint, Enforcement, Engine, EngineInfo, EventSql,
    Keep, LedgerSql, Live, Migrator, Probe, Result, Run, Secret, Spot, Verifier, Want,
};
use freehold_model::{EngineKind, Isolation};
use freehold_sql::Dialect;

use case::Case;

/// The engine.
#[derive(Debug, Clone, Copy, Default)]
pub struct Postgres;

const INFO: EngineInfo = EngineInfo {
    kinds: &[EngineKind::Postgres],
    schemes: &["postgres", "postgresql"],
    isolation: &[
        (Isolation::Tables, Enforcement::Advisory),
        (Isolation::Schema, Enforcement::Enforced),
        (Isolation::Database, Enforcement::Enforced),
        (Isolation::Instance, Enforcement::Enforced),
    ],
    identities: true,
    ddl: Ddl::Transactional,
    connecting_makes: false,
    lock_timeout: &["SET {local}lock_timeout = {ms}"],
    table_size: Some(
        "SELECT CASE WHEN c.reltuples >= 0 THEN c.reltuples::bigint END, pg_catalog.pg_total_relation_size(c.oid) \
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = {schema} AND c.relname = {table}",
    ),
    versions: &[
        ("15", Run::Ci),
        ("16", Run::Prove),
        ("17", Run::Prove),
        ("18", Run::Prove),
    ],
    notes: &[
        "isolation `tables`: the program's rights are enforced, that migrations keep to their prefix is not",
        "isolation `schema`: advisory locks and notification channels of the shared database are in everybody's reach",
        "TLS cannot be required of a login, only by pg_hba.conf",
        "before 16 the issuer's function body is the only fence around its CREATEROLE",
    ],
};

impl Engine for Postgres {
    fn info(&self) -> &'static EngineInfo {
        &INFO
    }

    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn spot(&self, server: &Endpoint, isolation: Isolation, name: &str) -> Spot {
        let shared = || {
            server
                .database
                .clone()
                .unwrap_or_else(|| "postgres".to_owned())
        };
        match isolation {
            Isolation::Database | Isolation::Instance => Spot {
                database: name.to_owned(),
                schema: "public".to_owned(),
                prefix: String::new(),
            },
            Isolation::Schema => Spot {
                database: shared(),
                schema: name.to_owned(),
                prefix: String::new(),
            },
            Isolation::Tables => Spot {
                database: shared(),
                schema: "public".to_owned(),
                prefix: format!("{name}_"),
            },
        }
    }

    fn at_store(&self, server: &Endpoint, spot: &Spot) -> Endpoint {
        server.with_database(&spot.database)
    }

    /// Advisory locks belong to a database. Every server has this one, and a store's own may not be
    /// there yet.
    fn at_lock(&self, server: &Endpoint) -> Endpoint {
        server.with_database("postgres")
    }

    fn connect<'a>(&'a self, at: &'a Endpoint) -> BoxFuture<'a, Result<Box<dyn Connection>>> {
        Box::pin(connect::connect(at))
    }

    fn diff(&self, probe: &Probe, want: &Want, live: &Live) -> Diff {
        diff::diff(&Case { probe, want, live })
    }

    fn migrator(&self, probe: &Probe, want: &Want) -> Migrator {
        migrator::migrator(probe, want)
    }

    fn unbind(&self, want: &Want) -> Vec<freehold_engine::Step> {
        plane::unbind(want)
    }

    fn drop_steps(&self, probe: &Probe, want: &Want, live: &Live, keep: Keep) -> Drop {
        drop::drop(&Case { probe, want, live }, keep)
    }

    fn adopt(&self, probe: &Probe, want: &Want, live: &Live) -> freehold_engine::Adoption {
        adopt::adopt(&Case { probe, want, live })
    }

    fn eject_steps(&self, probe: &Probe, want: &Want, live: &Live) -> freehold_engine::Ejection {
        eject::eject(&Case { probe, want, live })
    }

    fn reclaim(&self, probe: &Probe, want: &Want, live: &Live) -> freehold_engine::Adoption {
        eject::reclaim(&Case { probe, want, live })
    }

    fn as_administrator(&self, probe: &Probe) -> Probe {
        planner::as_administrator(probe)
    }

    fn as_planner_sees(&self, live: &Live) -> Live {
        planner::sees(live)
    }

    fn unseen(&self, probe: &Probe, want: &Want, _live: &Live) -> Vec<String> {
        planner::unseen(probe, want)
    }

    fn verifier(&self, _: &Probe, _: &str, password: &Secret) -> Verifier {
        verifier::new(password)
    }

    fn ledger(&self, want: &Want) -> LedgerSql {
        ledger::sql(want)
    }

    fn events(&self, want: &Want) -> Option<EventSql> {
        Some(statements::statements(want))
    }

    fn sagas(&self, want: &Want) -> Option<freehold_engine::SagaSql> {
        Some(sagas::statements(want))
    }

    fn audit<'a>(
        &'a self,
        at: &'a Endpoint,
        limits: &'a freehold_engine::audit::Limits,
    ) -> BoxFuture<'a, Result<freehold_engine::audit::Facts>> {
        Box::pin(audit::audit(at, limits))
    }
}
