//! One service with one store of its own on each of PostgreSQL, MariaDB and SQLite, to drive the
//! real binary over and to look into behind its back.

use std::sync::Arc;

use freehold_engine::Value;
use freehold_model::EngineKind;
use freehold_testkit::{Must as _, TestServer, server};

use crate::adopt::Old;
use crate::binary::Said;

/// A described store that is not made yet.
pub(crate) struct World {
    pub(crate) kind: EngineKind,
    pub(crate) old: Old,
    pub(crate) server: Option<Arc<TestServer>>,
}

/// One for each engine that can be had. `name` is the service's and the database's.
pub(crate) async fn worlds(name: &str) -> Vec<World> {
    let mut worlds = Vec::new();
    for kind in [
        EngineKind::Sqlite,
        EngineKind::Postgres,
        EngineKind::Mariadb,
    ] {
        worlds.extend(world(kind, name, "").await);
    }
    worlds
}

/// On one engine; `None`: it cannot be had here.
pub(crate) async fn world(kind: EngineKind, name: &str, more: &str) -> Option<World> {
    if kind == EngineKind::Sqlite {
        let old = Old::new("sqlite", "sqlite:stores", name, more);
        return Some(World {
            kind,
            old,
            server: None,
        });
    }
    let server = server(kind).await?;
    let old = Old::new(kind.name(), server.admin.url().expose(), name, more);
    Some(World {
        kind,
        old,
        server: Some(server),
    })
}

impl World {
    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        self.old.example.run(arguments)
    }

    /// What `--json` says.
    pub(crate) fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let said = self.run(&[arguments, &["--json"]].concat());
        serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{}\n{}", said.out, said.err))
    }

    pub(crate) fn migration(&self, file: &str, text: &str) {
        self.old.put(&format!("migrations/{file}"), text);
    }

    /// SQLite's file.
    pub(crate) fn file(&self) -> std::path::PathBuf {
        let folder = self.old.example.path().join("stores");
        folder.join(self.old.name()).join("store.db")
    }

    /// Sends statements to the store as its administrator, one by one.
    pub(crate) async fn send(&self, statements: &[&str]) {
        let Some(server) = &self.server else {
            let db = rusqlite::Connection::open(self.file()).expect("the file");
            for sql in statements {
                db.execute_batch(sql).expect(sql);
            }
            return;
        };
        let mut connection = self.connect(server).await;
        for sql in statements {
            connection.execute(sql).await.must(sql);
        }
    }

    /// The rows of a query, each as one text with `|` between its values.
    pub(crate) async fn rows(&self, sql: &str) -> Vec<String> {
        let Some(server) = &self.server else {
            let db = rusqlite::Connection::open(self.file()).expect("the file");
            let mut statement = db.prepare(sql).expect(sql);
            let width = statement.column_count();
            let rows = statement.query_map([], |row| {
                let cells = (0..width).map(|at| row.get::<_, rusqlite::types::Value>(at));
                let cells: Result<Vec<_>, _> = cells.collect();
                Ok(cells?.iter().map(of_sqlite).collect::<Vec<_>>().join("|"))
            });
            return rows.expect(sql).collect::<Result<_, _>>().expect(sql);
        };
        let mut connection = self.connect(server).await;
        let rows = connection.query(sql, &[]).await.must(sql);
        let text = |row: &Vec<Value>| row.iter().map(of_server).collect::<Vec<_>>().join("|");
        rows.iter().map(text).collect()
    }

    async fn connect(&self, server: &TestServer) -> Box<dyn freehold_engine::Connection> {
        let engine = freehold_builtin::engine(self.kind).must("an engine");
        let at = server.admin.with_database(self.old.name());
        engine.connect(&at).await.must("the administrator enters")
    }
}

fn of_sqlite(value: &rusqlite::types::Value) -> String {
    use rusqlite::types::Value;
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Text(text) => text.clone(),
        Value::Blob(bytes) => format!("{bytes:?}"),
    }
}

fn of_server(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::I64(number) => number.to_string(),
        Value::Text(text) => text.clone(),
        Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        other => format!("{other:?}"),
    }
}
