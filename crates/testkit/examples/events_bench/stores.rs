//! Two stores, one that publishes and one that keeps a copy, and statements for both on each engine.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use freehold_broker::Topic;
use freehold_engine::{Connection, TxMode};
use freehold_events::{Applier, Consumer, Ground, Options, Relay, Sound, Source, Subscribed};
use freehold_model::{EngineKind, Isolation};
use freehold_testkit::bookshop::{BOOK_CHANGED, Bookshop, Target, enter};
use freehold_testkit::{Admin, Shape, TestServer};
use tempfile::TempDir;

use crate::Failure;
use crate::brokers::{Place, partitions};

/// Keys that a backlog is about.
pub(crate) const KEYS: u64 = 10_000;

/// Both stores and their server.
pub(crate) struct Pair {
    pub(crate) shop: Bookshop,
    pub(crate) kind: EngineKind,
    _shape: Shape,
    _folder: TempDir,
}

impl Pair {
    /// On a server with nothing switched off and nothing logged. `None`: not installed.
    pub(crate) async fn on(engine: &str) -> Result<Option<Self>, Failure> {
        let folder = tempfile::tempdir()?;
        let kind = match engine {
            "postgres" => EngineKind::Postgres,
            "mariadb" => EngineKind::Mariadb,
            _ => EngineKind::Sqlite,
        };
        let shape = if kind == EngineKind::Sqlite {
            Shape::embedded_in(folder.path())
        } else {
            use std::os::unix::fs::PermissionsExt as _;
            // The server may run as another user.
            std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))?;
            let Some(server) = TestServer::alone_in(kind, folder.path()).await else {
                return Ok(None);
            };
            Shape::on(server, Isolation::Database, Admin::Superuser).await
        };
        let shop = Bookshop::opens(&shape).await;
        if shop.catalog.engine.events(&shop.catalog.want).is_none() {
            return Ok(None);
        }
        Ok(Some(Self {
            shop,
            kind,
            _shape: shape,
            _folder: folder,
        }))
    }

    pub(crate) fn topic() -> Result<Topic, Failure> {
        Ok(Topic::new(BOOK_CHANGED)?)
    }

    async fn ground(target: &Target) -> Ground {
        let want = target.want.clone();
        let sql = target.engine.events(&want).unwrap_or_default();
        let connection = enter(target, &want.identities.sidecar).await;
        Ground {
            connection,
            want,
            sql,
        }
    }

    pub(crate) async fn reader(&self) -> Ground {
        Self::ground(&self.shop.catalog).await
    }

    pub(crate) async fn relay(&self, place: &Place) -> Result<Relay<Sound>, Failure> {
        let source = Source {
            name: self.shop.catalog.want.service.as_str().into(),
            topics: BTreeSet::from([Self::topic()?]),
            partitions: partitions(),
            sidecar: "bench".to_owned(),
        };
        loop {
            let ground = Self::ground(&self.shop.catalog).await;
            let session = place.session().await?;
            let options = Options::default();
            match Relay::take_over(ground, session, source.clone(), options).await {
                Ok(Some(relay)) => return Ok(relay),
                Ok(None) => tokio::time::sleep(Duration::from_millis(100)).await,
                Err(error) => return Err(Box::new(error)),
            }
        }
    }

    pub(crate) async fn applier(&self, place: &Place) -> Result<Applier, Failure> {
        let orders = &self.shop.orders.want.service;
        let mut copies = Vec::new();
        for (table, copy) in &self.shop.system.services[orders].copies {
            copies.push(Subscribed {
                table: table.clone(),
                topic: Self::topic()?,
                copy: copy.clone(),
            });
        }
        let consumer = Consumer {
            // It reads as who publishes, since that is whose account there is.
            service: self.shop.catalog.want.service.clone(),
            copies,
            partitions: partitions(),
            sidecar: "bench".to_owned(),
            batch: 2_000,
            term: Duration::from_secs(5),
        };
        loop {
            let ground = Self::ground(&self.shop.orders).await;
            let session = place.session().await?;
            match Applier::take_over(ground, session, consumer.clone()).await {
                Ok(Some(applier)) => return Ok(applier),
                Ok(None) => tokio::time::sleep(Duration::from_millis(100)).await,
                Err(error) => return Err(Box::new(error)),
            }
        }
    }

    pub(crate) async fn program(&self) -> Box<dyn Connection> {
        let login = &self.shop.catalog.want.identities.app.logins[0];
        enter(&self.shop.catalog, login).await
    }

    pub(crate) async fn consumer_program(&self) -> Box<dyn Connection> {
        let login = &self.shop.orders.want.identities.app.logins[0];
        enter(&self.shop.orders, login).await
    }

    /// So many events of 200 bytes in one transaction, versions rising.
    pub(crate) async fn backlog(&self, events: u64) -> Result<(), Failure> {
        let title = "t".repeat(80);
        let pad = "p".repeat(70);
        let numbers = "WITH RECURSIVE n (g) AS (SELECT 1 UNION ALL SELECT g + 1 FROM n WHERE g < ";
        let sql = match self.kind {
            EngineKind::Postgres => format!(
                "INSERT INTO freehold_outbox (topic, key, payload)
 SELECT '{BOOK_CHANGED}', (g % {KEYS})::text, json_build_object('bookId', g % {KEYS}, 'title', '{title}', 'version', g, 'pad', '{pad}')
 FROM generate_series(1, {events}) AS g"
            ),
            EngineKind::Sqlite => format!(
                "{numbers}{events}) INSERT INTO freehold_outbox (topic, key, payload)
 SELECT '{BOOK_CHANGED}', CAST(g % {KEYS} AS TEXT), json_object('bookId', g % {KEYS}, 'title', '{title}', 'version', g, 'pad', '{pad}') FROM n"
            ),
            _ => format!(
                "INSERT INTO freehold_outbox (topic, `key`, payload)
 SELECT '{BOOK_CHANGED}', CAST(seq % {KEYS} AS CHAR), JSON_OBJECT('bookId', seq % {KEYS}, 'title', '{title}', 'version', seq, 'pad', '{pad}')
 FROM ({}) AS n WHERE seq BETWEEN 1 AND {events} ORDER BY seq",
                counted()
            ),
        };
        let mut program = self.program().await;
        program.begin(TxMode::Write).await?;
        program.run(&sql, &[]).await?;
        Ok(program.commit().await.done()?)
    }

    /// One event in a transaction of its own.
    pub(crate) async fn publish(
        &self,
        program: &mut dyn Connection,
        table: &str,
        book: u64,
        version: u64,
    ) -> Result<(), Failure> {
        let payload = format!(
            "{{\"bookId\": {book}, \"title\": \"{}\", \"version\": {version}, \"pad\": \"{}\"}}",
            "t".repeat(80),
            "p".repeat(70)
        );
        let sql = match self.kind {
            EngineKind::Postgres => {
                format!("INSERT INTO {table} (topic, key, payload) VALUES ($1, $2, $3::text::json)")
            }
            EngineKind::Sqlite => {
                format!("INSERT INTO {table} (topic, key, payload) VALUES (?1, ?2, ?3)")
            }
            _ => format!("INSERT INTO {table} (topic, `key`, payload) VALUES (?, ?, ?)"),
        };
        let args = [BOOK_CHANGED.into(), book.to_string().into(), payload.into()];
        program.run(&sql, &args).await?;
        Ok(())
    }

    /// A table like the outbox without what makes it one; its name. SQLite's has no triggers
    /// anyway.
    pub(crate) async fn plain(&self) -> Result<String, Failure> {
        let catalog = &self.shop.catalog;
        let spot = &catalog.want.spot;
        let at = catalog.engine.at_store(&catalog.admin, spot);
        let mut admin = catalog.engine.connect(&at).await?;
        match self.kind {
            EngineKind::Postgres => {
                let table = format!("{}.bench_plain", spot.schema);
                let sql = format!(
                    "CREATE TABLE {table} (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
 event_id uuid NOT NULL DEFAULT gen_random_uuid(), topic text NOT NULL, key text NOT NULL, payload json,
 occurred_at timestamptz NOT NULL DEFAULT clock_timestamp()); GRANT INSERT ON {table} TO PUBLIC"
                );
                admin.execute(&sql).await?;
                Ok(table)
            }
            EngineKind::Sqlite => Ok("freehold_outbox".to_owned()),
            _ => {
                let table = format!("{}.bench_plain", spot.database);
                let sql = format!(
                    "CREATE TABLE {table} (id BIGINT AUTO_INCREMENT PRIMARY KEY, event_id CHAR(36) NOT NULL DEFAULT (uuid()),
 topic VARCHAR(120) NOT NULL, `key` VARCHAR(700) NOT NULL, payload LONGTEXT, occurred_at DATETIME(6) NOT NULL DEFAULT NOW(6))"
                );
                admin.execute(&sql).await?;
                let role = &catalog.want.identities.app.role;
                let logins = &catalog.want.identities.app.logins;
                for name in logins.iter().chain([role]) {
                    // One of them is who may; which, differs with the product.
                    let _ = admin
                        .execute(&format!("GRANT INSERT ON {table} TO '{name}'@'%'"))
                        .await;
                }
                Ok(table)
            }
        }
    }

    /// How many books of the copy have a version above this.
    pub(crate) async fn copied(program: &mut dyn Connection, above: u64) -> Result<u64, Failure> {
        let sql = format!("SELECT count(*) FROM book_cache WHERE version_number > {above}");
        let rows = program.query(&sql, &[]).await?;
        let count = rows.first().and_then(|row| row.first()?.int());
        Ok(u64::try_from(count.unwrap_or(0))?)
    }

    /// The version of one book in the copy.
    pub(crate) async fn version(program: &mut dyn Connection, book: u64) -> Result<u64, Failure> {
        let sql = format!("SELECT version_number FROM book_cache WHERE book_id = {book}");
        let rows = program.query(&sql, &[]).await?;
        let version = rows.first().and_then(|row| row.first()?.int());
        Ok(u64::try_from(version.unwrap_or(0))?)
    }
}

/// Stops what runs beside a case when the case is over.
pub(crate) struct Beside {
    stop: tokio::sync::watch::Sender<bool>,
    tasks: Vec<tokio::task::JoinHandle<Result<(), String>>>,
}

impl Beside {
    pub(crate) fn new() -> Self {
        Self {
            stop: tokio::sync::watch::channel(false).0,
            tasks: Vec::new(),
        }
    }

    pub(crate) fn relay(&mut self, mut relay: Relay<Sound>) {
        let stop = self.stop.subscribe();
        self.tasks.push(tokio::spawn(async move {
            relay.run(&stop).await.map_err(|error| error.to_string())
        }));
    }

    pub(crate) fn applier(&mut self, mut applier: Applier) {
        let mut stop = self.stop.subscribe();
        self.tasks.push(tokio::spawn(async move {
            let ran = applier.run(&mut stop).await;
            ran.map_err(|error| error.to_string())
        }));
    }

    pub(crate) async fn end(self) -> Result<(), Failure> {
        let _ = self.stop.send(true);
        for task in self.tasks {
            task.await??;
        }
        Ok(())
    }
}

/// For tasks that outlive a borrow.
pub(crate) type Shared = Arc<Pair>;

/// Numbers from 0 to 9,999,999: a program may read no table of the server's own, and series are
/// short there.
fn counted() -> String {
    let digits =
        "SELECT 0 AS d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4
 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9";
    let tables: Vec<String> = (0..7).map(|at| format!("({digits}) AS t{at}")).collect();
    let sum: Vec<String> = (0..7)
        .map(|at| format!("t{at}.d * {}", 10_u32.pow(at)))
        .collect();
    format!(
        "SELECT {} AS seq FROM {}",
        sum.join(" + "),
        tables.join(" CROSS JOIN ")
    )
}
