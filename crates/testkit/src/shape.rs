//! Engine × isolation × kind of admin: what a suite is run over.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use freehold_engine::{Endpoint, Secret};
use freehold_model::{EngineKind, Isolation};
use tempfile::TempDir;

use crate::must::Must as _;
use crate::servers::{TestServer, server};

/// Who applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admin {
    /// With all rights.
    Superuser,
    /// With the rights that `freehold explain FH3102` lists and no more, as on a managed server.
    Plain,
}

/// One shape, with a name that no other test of this run uses.
pub struct Shape {
    /// The engine.
    pub kind: EngineKind,
    /// The level.
    pub isolation: Isolation,
    /// Who applies.
    pub admin: Admin,
    /// The server, as that admin.
    pub endpoint: Endpoint,
    /// The store's name; below 20 characters.
    pub name: String,
    /// The server behind it, if there is one.
    pub server: Option<Arc<TestServer>>,
    _folder: Option<TempDir>,
}

/// All shapes that are run: every level that an engine has, as superuser, and the strongest shared
/// ones as a plain admin.
pub fn shapes() -> Vec<(EngineKind, Isolation, Admin)> {
    use EngineKind::{Mariadb, Postgres, Sqlite};
    use Isolation::{Database, Instance, Schema, Tables};
    vec![
        (Postgres, Database, Admin::Superuser),
        (Postgres, Instance, Admin::Superuser),
        (Postgres, Schema, Admin::Superuser),
        (Postgres, Tables, Admin::Superuser),
        (Postgres, Database, Admin::Plain),
        (Postgres, Schema, Admin::Plain),
        (Mariadb, Database, Admin::Superuser),
        (Mariadb, Tables, Admin::Superuser),
        (Mariadb, Database, Admin::Plain),
        (Sqlite, Database, Admin::Superuser),
    ]
}

static NEXT: AtomicU32 = AtomicU32::new(0);

/// Of one length: no name is the beginning of another.
fn next_name() -> String {
    format!(
        "t{}_{:03}",
        std::process::id() % 10_000,
        NEXT.fetch_add(1, Ordering::Relaxed)
    )
}

impl Shape {
    /// Makes a shape ready: its server runs, its admin and (for shared levels) the shared database
    /// are there. `None`: skipped loudly.
    pub async fn ready(kind: EngineKind, isolation: Isolation, admin: Admin) -> Option<Self> {
        if kind == EngineKind::Sqlite {
            let folder = tempfile::Builder::new()
                .prefix("freehold-test-")
                .tempdir()
                .must("a temporary folder");
            let embedded = Self::embedded_in(folder.path());
            return Some(Self {
                isolation,
                admin,
                _folder: Some(folder),
                ..embedded
            });
        }
        let server = server(kind).await?;
        Some(Self::on(server, isolation, admin).await)
    }

    /// The same on a server of the test's own.
    pub async fn on(server: Arc<TestServer>, isolation: Isolation, admin: Admin) -> Self {
        let name = next_name();
        let shared = format!("{name}_shared");
        let mut endpoint = match admin {
            Admin::Superuser => server.admin.clone(),
            Admin::Plain => plain_admin(&server, &name).await,
        };
        if matches!(isolation, Isolation::Schema | Isolation::Tables) {
            make_shared(&server, &shared, &endpoint.user).await;
            endpoint = endpoint.with_database(&shared);
        }
        Self {
            kind: server.kind,
            isolation,
            admin,
            endpoint,
            name,
            server: Some(server),
            _folder: None,
        }
    }

    /// SQLite in a folder of the test's own.
    pub fn embedded_in(folder: &Path) -> Self {
        let url = Secret::new(format!("sqlite:{}", folder.join("stores").display()));
        Self {
            kind: EngineKind::Sqlite,
            isolation: Isolation::Database,
            admin: Admin::Superuser,
            endpoint: Endpoint::parse(EngineKind::Sqlite, &url).must("a URL"),
            name: next_name(),
            server: None,
            _folder: None,
        }
    }

    /// What is printed when it fails.
    pub fn label(&self) -> String {
        let version = self
            .server
            .as_ref()
            .map_or("embedded", |server| server.version.as_str());
        format!(
            "{} {version} · {} · {:?}",
            self.kind, self.isolation, self.admin
        )
        .to_lowercase()
    }
}

/// What a restricted admin of MariaDB holds; `freehold explain FH3102` says why each.
const MARIADB_ADMIN: [&str; 2] = [
    "CREATE USER, PROCESS, CONNECTION ADMIN, SET USER ON *.*",
    "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, REFERENCES, INDEX, ALTER, CREATE TEMPORARY TABLES, LOCK TABLES, EXECUTE, CREATE VIEW, SHOW VIEW, CREATE ROUTINE, ALTER ROUTINE, EVENT, TRIGGER, DELETE HISTORY ON *.*",
];

async fn plain_admin(server: &TestServer, name: &str) -> Endpoint {
    let admin = format!("{name}_adm");
    let password = Secret::generate();
    let mut connection = server.connect().await;
    let statements = if server.kind == EngineKind::Postgres {
        vec![format!(
            "CREATE ROLE {admin} LOGIN CREATEDB CREATEROLE PASSWORD '{}'",
            password.expose()
        )]
    } else {
        let account = format!("'{admin}'@'127.0.0.1'");
        let made = format!(
            "CREATE USER {account} IDENTIFIED BY '{}'",
            password.expose()
        );
        let granted =
            MARIADB_ADMIN.map(|rights| format!("GRANT {rights} TO {account} WITH GRANT OPTION"));
        [vec![made], granted.to_vec()].concat()
    };
    for statement in statements {
        connection
            .execute(&statement)
            .await
            .must("the plain admin is made");
    }
    server.admin.with_login(&admin, Some(password))
}

async fn make_shared(server: &TestServer, shared: &str, owner: &str) {
    let mut connection = server.connect().await;
    let sql = if server.kind == EngineKind::Postgres {
        format!("CREATE DATABASE {shared} OWNER {owner}")
    } else {
        format!("CREATE DATABASE {shared}")
    };
    connection
        .execute(&sql)
        .await
        .must("the shared database is made");
}
