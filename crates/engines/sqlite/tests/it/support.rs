//! A folder of stores and the order in which the lifecycle calls the contract.

use std::collections::BTreeSet;
use std::path::PathBuf;

use freehold_engine::{
    At, Change, Connection, Diff, Endpoint, Engine as _, Keep, Live, Secret, Subject, TxMode,
    Verifiers, Want,
};
use freehold_model::{AppIdentity, EngineKind, Identities, Isolation};
use freehold_sqlite::Sqlite;

pub(crate) struct Stores {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) server: Endpoint,
    pub(crate) want: Want,
}

impl Stores {
    /// Nothing is there yet, not even the folder of stores.
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let url = Secret::new(format!("sqlite:{}", dir.path().join("stores").display()));
        let server = Endpoint::parse(EngineKind::Sqlite, &url).expect("a good URL");
        let want = Want {
            system: "bookvault".to_owned(),
            service: "orders".to_owned(),
            store: "main".to_owned(),
            isolation: Isolation::Database,
            spot: Sqlite.spot(&server, Isolation::Database, "orders"),
            identities: Identities {
                owner: "orders_owner".to_owned(),
                app: AppIdentity {
                    role: "orders_app".to_owned(),
                    logins: ["orders_app_1".to_owned(), "orders_app_2".to_owned()],
                },
                sidecar: "orders_sidecar".to_owned(),
                backup: "orders_backup".to_owned(),
                migrator: "orders_migrator".to_owned(),
                issuer: "orders_issuer".to_owned(),
            },
            append_only: BTreeSet::from(["order_items".to_owned()]),
            extensions: Vec::new(),
            access: Vec::new(),
            prune: true,
            require_tls: false,
            server_wide: false,
            plane: freehold_engine::Plane::default(),
        };
        Self { dir, server, want }
    }

    pub(crate) fn folder(&self) -> PathBuf {
        PathBuf::from(&self.want.spot.database)
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder().join("store.db")
    }

    pub(crate) async fn server(&self) -> Box<dyn Connection> {
        Sqlite
            .connect(&self.server)
            .await
            .expect("a folder of stores")
    }

    pub(crate) async fn store(&self) -> Box<dyn Connection> {
        Sqlite
            .connect(&Sqlite.at_store(&self.server, &self.want.spot))
            .await
            .expect("a store")
    }

    /// As the service's program would be called on another engine.
    pub(crate) async fn app(&self) -> Box<dyn Connection> {
        let at = Sqlite
            .at_store(&self.server, &self.want.spot)
            .with_login("orders_app_1", None);
        Sqlite.connect(&at).await.expect("a store")
    }

    pub(crate) async fn look(&self) -> Live {
        let live = self
            .server()
            .await
            .inspect(&self.want)
            .await
            .expect("looked");
        match live.database {
            None => live,
            Some(_) => self
                .store()
                .await
                .inspect(&self.want)
                .await
                .expect("looked inside"),
        }
    }

    pub(crate) async fn diff(&self) -> Diff {
        let live = self.look().await;
        Sqlite.diff(self.server().await.probe(), &self.want, &live)
    }

    /// Applies until nothing is left to do; the steps that it took.
    pub(crate) async fn apply(&self) -> Vec<(Change, Subject, String)> {
        let diff = self.diff().await;
        assert_eq!(diff.refused, []);
        for step in &diff.steps {
            let mut connection = if step.at == At::Server {
                self.server().await
            } else {
                self.store().await
            };
            if !step.atomic {
                connection
                    .apply(step, &Verifiers::new())
                    .await
                    .expect("applied");
                continue;
            }
            connection.begin(TxMode::Write).await.expect("begun");
            connection
                .apply(step, &Verifiers::new())
                .await
                .expect("applied");
            connection.commit().await.done().expect("committed");
        }
        assert_eq!(self.diff().await.steps, [], "a second diff is empty");
        diff.steps
            .into_iter()
            .map(|step| (step.change, step.subject, step.name))
            .collect()
    }

    /// A store with two tables, one of them append-only, and three rows.
    pub(crate) async fn filled(&self) {
        self.apply().await;
        let mut store = self.store().await;
        store.begin(TxMode::Write).await.expect("begun");
        for sql in [
            "CREATE TABLE orders (order_id INTEGER PRIMARY KEY, status TEXT NOT NULL DEFAULT 'pending')",
            "CREATE TABLE order_items (order_item_id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL REFERENCES orders, quantity INTEGER NOT NULL)",
            "INSERT INTO orders VALUES (1, 'pending')",
            "INSERT INTO order_items VALUES (1, 1, 2), (2, 1, 3)",
        ] {
            store.execute(sql).await.expect(sql);
        }
        let live = store.inspect(&self.want).await.expect("looked inside");
        let diff = Sqlite.diff(store.probe(), &self.want, &live);
        for step in &diff.steps {
            assert_eq!(
                (step.subject, step.name.as_str()),
                (Subject::Grant, "order_items")
            );
            store.apply(step, &Verifiers::new()).await.expect("applied");
        }
        store.commit().await.done().expect("committed");
        assert_eq!(self.diff().await.steps, []);
    }

    pub(crate) async fn destroy(&self, keep: Keep) -> usize {
        let live = self.look().await;
        let mut server = self.server().await;
        let drop = Sqlite.drop_steps(server.probe(), &self.want, &live, keep);
        assert_eq!(drop.refused, []);
        for step in &drop.steps {
            server
                .apply(step, &Verifiers::new())
                .await
                .expect("removed");
        }
        drop.steps.len()
    }
}
