//! SQLite as an engine: a folder per store, one file in it, no server and no logins.
//!
//! The "server" is a folder (`sqlite:DIR`); the store `orders` is `DIR/orders/store.db`. What other
//! engines enforce with logins is advisory here and is said so. Start at [`Sqlite`]; the session is
//! in `connect`, the decisions in `diff` and `drop`, everything about files in `files`.
//! docs/adr/0004 says why the folder looks as it does.

mod adopt;
mod adopted;
mod connect;
mod diff;
mod drop;
mod eject;
mod errors;
mod files;
mod held;
mod inspect;
mod ledger;
mod lock;
mod outbox;
mod peers;
mod plane;
mod probe;
mod read_models;
mod sagas;
mod schema;
mod session;
mod statements;
mod wanted;

use std::path::Path;

use freehold_engine::{
    Address, BoxFuture, Connection, Ddl, Diff, Drop, Endpoint, Enforcement, Engine, EngineInfo,
    EventSql, Keep, LedgerSql, Live, Migrator, Probe, Result, Run, Secret, Spot, Verifier, Want,
};
use freehold_model::{EngineKind, Isolation};
use freehold_sql::Dialect;

/// SQLite.
#[derive(Debug, Clone, Copy)]
pub struct Sqlite;

static INFO: EngineInfo = EngineInfo {
    kinds: &[EngineKind::Sqlite],
    schemes: &["sqlite"],
    isolation: &[
        (Isolation::Tables, Enforcement::Advisory),
        (Isolation::Schema, Enforcement::Advisory),
        (Isolation::Database, Enforcement::Advisory),
        (Isolation::Instance, Enforcement::Advisory),
    ],
    identities: false,
    ddl: Ddl::Transactional,
    connecting_makes: true,
    // The file is locked as a whole, when a transaction begins.
    lock_timeout: &[],
    table_size: None,
    versions: &[("3.54", Run::Ci)],
    notes: &[
        "every store is a file of its own, whatever level is described; the files are private to one user of the operating system",
        "there are no logins and no passwords: whoever may open the file may do everything",
        "append-only tables are kept by triggers, which stop accidents and not attackers",
        "who else has the file open is found on Linux only",
        "the library is built in; programs bring their own",
    ],
};

impl Engine for Sqlite {
    fn info(&self) -> &'static EngineInfo {
        &INFO
    }

    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn spot(&self, server: &Endpoint, _isolation: Isolation, name: &str) -> Spot {
        let folder = match &server.address {
            Address::Path(dir) => dir.join(name).to_string_lossy().into_owned(),
            _ => name.to_owned(),
        };
        Spot {
            database: folder,
            schema: String::new(),
            prefix: String::new(),
        }
    }

    fn at_store(&self, server: &Endpoint, spot: &Spot) -> Endpoint {
        let file = Path::new(&spot.database).join(files::STORE);
        Endpoint {
            address: Address::Path(file),
            ..server.clone()
        }
    }

    fn connect<'a>(&'a self, at: &'a Endpoint) -> BoxFuture<'a, Result<Box<dyn Connection>>> {
        Box::pin(connect::connect(at))
    }

    fn diff(&self, probe: &Probe, want: &Want, live: &Live) -> Diff {
        diff::diff(probe, want, live)
    }

    fn migrator(&self, _probe: &Probe, _want: &Want) -> Migrator {
        Migrator {
            login: None,
            open: Vec::new(),
            close: Vec::new(),
        }
    }

    fn drop_steps(&self, _probe: &Probe, want: &Want, live: &Live, keep: Keep) -> Drop {
        drop::drop_steps(want, live, keep)
    }

    fn adopt(&self, _probe: &Probe, want: &Want, live: &Live) -> freehold_engine::Adoption {
        adopt::adopt(want, live)
    }

    fn eject_steps(&self, _probe: &Probe, want: &Want, live: &Live) -> freehold_engine::Ejection {
        eject::eject(want, live)
    }

    /// There are no logins, so there is nothing to store.
    fn verifier(&self, _probe: &Probe, _login: &str, _password: &Secret) -> Verifier {
        Verifier::new("")
    }

    fn ledger(&self, want: &Want) -> LedgerSql {
        ledger::statements(&want.spot)
    }

    fn events(&self, want: &Want) -> Option<EventSql> {
        Some(statements::statements(want))
    }

    fn sagas(&self, _want: &Want) -> Option<freehold_engine::SagaSql> {
        Some(sagas::statements())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_that_is_said_to_be_run_is_the_one_built_in() {
        let (version, _) = INFO.versions[0];
        let built_in = rusqlite::version();
        assert!(
            built_in.starts_with(&format!("{version}.")),
            "{built_in} is built in"
        );
    }
}
