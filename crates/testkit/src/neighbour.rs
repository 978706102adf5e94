//! Somebody else on the same server: a database with a table and a login, which must be the same
//! after everything that is done beside them.

use std::sync::Arc;

use freehold_engine::Value;
use freehold_model::EngineKind;

use crate::must::Must as _;
use crate::servers::TestServer;
use crate::shape::Shape;

/// A database and a login that are not ours.
pub struct Neighbour {
    server: Arc<TestServer>,
    kind: EngineKind,
    name: String,
    before: Vec<Vec<Value>>,
}

impl Neighbour {
    /// Moves in. `None` on engines without a server.
    pub async fn moves_in(shape: &Shape) -> Option<Self> {
        let server = Arc::clone(shape.server.as_ref()?);
        let name = format!("{}_else", shape.name);
        let mut connection = server.connect().await;
        let statements = match shape.kind {
            EngineKind::Postgres => vec![
                format!("CREATE ROLE {name} LOGIN PASSWORD 'not ours'"),
                format!("CREATE DATABASE {name} OWNER {name}"),
                format!("GRANT {name} TO pg_monitor"),
            ],
            _ => vec![
                format!("CREATE DATABASE {name}"),
                format!("CREATE TABLE {name}.things (id INT PRIMARY KEY)"),
                format!("CREATE USER '{name}'@'127.0.0.1' IDENTIFIED BY 'not ours'"),
                format!("GRANT SELECT, INSERT ON {name}.* TO '{name}'@'127.0.0.1'"),
            ],
        };
        for statement in statements {
            connection
                .execute(&statement)
                .await
                .must("the neighbour moves in");
        }
        let mut neighbour = Self {
            server,
            kind: shape.kind,
            name,
            before: Vec::new(),
        };
        neighbour.before = neighbour.state().await;
        assert!(
            !neighbour.before.is_empty(),
            "the neighbour's state has to be visible"
        );
        Some(neighbour)
    }

    /// Fails the test when anything about it changed.
    pub async fn is_untouched(&self) {
        let now = self.state().await;
        assert_eq!(now, self.before, "the neighbour {} was touched", self.name);
    }

    async fn state(&self) -> Vec<Vec<Value>> {
        let name = &self.name;
        let queries = match self.kind {
            EngineKind::Postgres => vec![
                format!(
                    "SELECT rolname::text, rolcanlogin, rolinherit, rolpassword, oid::text FROM pg_authid WHERE rolname = '{name}'"
                ),
                format!(
                    "SELECT datname::text, datdba::text, datacl::text, datallowconn FROM pg_database WHERE datname = '{name}'"
                ),
                format!(
                    "SELECT roleid::regrole::text, member::regrole::text FROM pg_auth_members WHERE roleid = '{name}'::regrole"
                ),
            ],
            _ => vec![
                format!(
                    "SELECT user, host, authentication_string FROM mysql.user WHERE user = '{name}'"
                ),
                format!("SELECT * FROM mysql.db WHERE user = '{name}'"),
                format!(
                    "SELECT table_schema, table_name, table_rows FROM information_schema.tables WHERE table_schema = '{name}'"
                ),
            ],
        };
        // Entered anew each time: the server may have been stopped meanwhile.
        let mut connection = self.server.connect().await;
        let mut rows = Vec::new();
        for query in queries {
            let state = connection.query(&query, &[]).await;
            rows.extend(state.must("the neighbour's state"));
        }
        rows
    }
}
