//! `MariaDB` and `MySQL` as an engine: databases as stores, accounts as identities.
//!
//! What differs from other engines: DDL commits, so a migration is resumed statement by statement;
//! there are no schemas inside a database; an account has a host part; rights outlive the objects
//! that they are on. Begin at [`Mysql`]; decisions are in `diff`, `wanted` and `holes`, effects in
//! `connect` and `session`. Must not know other engines, files or the description's YAML.

mod accounts;
mod adopt;
mod adopted;
mod advisories;
mod audit;
mod connect;
mod diff;
mod drop;
mod dump;
mod eject;
mod errors;
mod grants;
mod holes;
mod identities;
mod inspect;
mod issuer;
mod ledger;
mod migrator;
mod names;
mod outbox;
mod plane;
mod planner;
mod probe;
mod read_models;
mod refusals;
mod sagas;
mod schema;
mod session;
mod statements;
#[cfg(test)]
mod test_plans;
#[cfg(test)]
mod test_want;
mod verifier;
mod wanted;
mod wire;

use freehold_engine::{
    BoxFuture, Connection, Ddl, Diff, Drop, Endpoint, Enforcement, Engine, EngineInfo, EventSql,
    Keep, LedgerSql, Live, Migrator, Probe, Result, Run, Secret, Spot, Verifier, Want,
};
use freehold_model::{EngineKind, Isolation};
use freehold_sql::Dialect;

/// The engine that serves `mariadb` and `mysql`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mysql;

static INFO: EngineInfo = EngineInfo {
    kinds: &[EngineKind::Mysql, EngineKind::Mariadb],
    schemes: &["mysql", "mariadb"],
    isolation: &[
        (Isolation::Tables, Enforcement::Enforced),
        (Isolation::Schema, Enforcement::Unsupported),
        (Isolation::Database, Enforcement::Enforced),
        (Isolation::Instance, Enforcement::Enforced),
    ],
    identities: true,
    ddl: Ddl::Committing,
    connecting_makes: false,
    lock_timeout: &[
        "SET SESSION lock_wait_timeout = {s}",
        "SET SESSION innodb_lock_wait_timeout = {s}",
    ],
    table_size: Some(
        "SELECT CAST(table_rows AS SIGNED), CAST(data_length + index_length AS SIGNED) \
         FROM information_schema.tables WHERE table_schema = {database} AND table_name = {table}",
    ),
    versions: &[
        ("MariaDB 10.6", Run::Never),
        ("MariaDB 10.11", Run::Ci),
        ("MariaDB 11.4", Run::Never),
        ("MySQL 8.0.21", Run::Never),
        ("MySQL 8.4", Run::Never),
        ("MySQL 9.7", Run::Prove),
    ],
    notes: &[
        "The program's rights are held by its two logins directly: a default role takes write access to mysql.* on MariaDB, and an open session keeps a role that was taken away.",
        "The migrator is the owner's account, unlocked for the run: an account made for the run would be the missing definer of what it made.",
        "Accounts are made for the host part of the admin's own account.",
        "On MariaDB INSERT on an append-only table is given on the whole table, since INSERT … RETURNING is refused with a right by column.",
        "At isolation tables the owner holds its rights on the whole database while a migration runs.",
    ],
};

impl Engine for Mysql {
    fn info(&self) -> &'static EngineInfo {
        &INFO
    }

    fn dialect(&self) -> Dialect {
        Dialect::Mysql
    }

    fn spot(&self, server: &Endpoint, isolation: Isolation, name: &str) -> Spot {
        let (database, prefix) = match isolation {
            Isolation::Tables => (
                server.database.clone().unwrap_or_default(),
                format!("{name}_"),
            ),
            _ => (name.to_owned(), String::new()),
        };
        Spot {
            database,
            schema: String::new(),
            prefix,
        }
    }

    fn at_store(&self, server: &Endpoint, spot: &Spot) -> Endpoint {
        server.with_database(&spot.database)
    }

    fn connect<'a>(&'a self, at: &'a Endpoint) -> BoxFuture<'a, Result<Box<dyn Connection>>> {
        Box::pin(connect::connect(at))
    }

    fn diff(&self, probe: &Probe, want: &Want, live: &Live) -> Diff {
        diff::diff(probe, want, live)
    }

    fn migrator(&self, probe: &Probe, want: &Want) -> Migrator {
        migrator::migrator(probe, want)
    }

    fn unbind(&self, want: &Want) -> Vec<freehold_engine::Step> {
        plane::unbind(want)
    }

    fn drop_steps(&self, probe: &Probe, want: &Want, live: &Live, keep: Keep) -> Drop {
        drop::drop_steps(probe, want, live, keep)
    }

    fn adopt(&self, probe: &Probe, want: &Want, live: &Live) -> freehold_engine::Adoption {
        adopt::adopt(probe, want, live)
    }

    fn eject_steps(&self, probe: &Probe, want: &Want, live: &Live) -> freehold_engine::Ejection {
        eject::eject(probe, want, live)
    }

    fn reclaim(&self, probe: &Probe, want: &Want, live: &Live) -> freehold_engine::Adoption {
        eject::reclaim(probe, want, live)
    }

    fn as_administrator(&self, probe: &Probe) -> Probe {
        planner::as_administrator(probe)
    }

    fn as_planner_sees(&self, live: &Live) -> Live {
        planner::sees(live)
    }

    fn unseen(&self, probe: &Probe, want: &Want, live: &Live) -> Vec<String> {
        planner::unseen(probe, want, live)
    }

    fn verifier(&self, probe: &Probe, _login: &str, password: &Secret) -> Verifier {
        if probe::is_mysql(probe) {
            verifier::caching_sha2(password)
        } else {
            verifier::native(password)
        }
    }

    fn audit<'a>(
        &'a self,
        at: &'a Endpoint,
        limits: &'a freehold_engine::audit::Limits,
    ) -> BoxFuture<'a, Result<freehold_engine::audit::Facts>> {
        Box::pin(audit::audit(at, limits))
    }

    fn ledger(&self, want: &Want) -> LedgerSql {
        ledger::ledger(want)
    }

    fn events(&self, want: &Want) -> Option<EventSql> {
        Some(statements::statements(want))
    }

    fn sagas(&self, want: &Want) -> Option<freehold_engine::SagaSql> {
        Some(sagas::statements(want))
    }
}
