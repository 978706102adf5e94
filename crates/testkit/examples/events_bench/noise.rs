//! A neighbour: a database of somebody else on the same server. It sits in a write transaction, or
//! it writes as much as a busy disk takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use freehold_engine::{Connection, Endpoint, Engine, TxMode};
use freehold_model::EngineKind;

use crate::Failure;
use crate::stores::Pair;

const DATABASE: &str = "noise";
/// So many rows of a MiB each second.
const ROWS: u32 = 30;

/// A neighbour that has moved in.
pub(crate) struct Noise {
    engine: &'static dyn Engine,
    at: Endpoint,
    insert: &'static str,
}

impl Noise {
    /// `None`: nobody shares a file with another store.
    pub(crate) async fn beside(pair: &Pair) -> Result<Option<Self>, Failure> {
        let (make, insert) = match pair.kind {
            EngineKind::Sqlite => return Ok(None),
            EngineKind::Postgres => (
                &[
                    "CREATE TABLE noise (id bigint GENERATED ALWAYS AS IDENTITY, bytes text)",
                    // Else they would be written as a few bytes.
                    "ALTER TABLE noise ALTER COLUMN bytes SET STORAGE EXTERNAL",
                ][..],
                "INSERT INTO noise (bytes) SELECT repeat(md5(random()::text), 32768)",
            ),
            _ => (
                &["CREATE TABLE noise (id BIGINT AUTO_INCREMENT PRIMARY KEY, bytes LONGTEXT)"][..],
                "INSERT INTO noise (bytes) SELECT REPEAT(MD5(RAND()), 32768)",
            ),
        };
        let catalog = &pair.shop.catalog;
        let mut admin = catalog.engine.connect(&catalog.admin).await?;
        admin
            .execute(&format!("CREATE DATABASE {DATABASE}"))
            .await?;
        let at = Endpoint {
            database: Some(DATABASE.to_owned()),
            ..catalog.admin.clone()
        };
        let noise = Self {
            engine: catalog.engine,
            at,
            insert,
        };
        let mut owner = noise.enter().await?;
        for sql in make {
            owner.execute(sql).await?;
        }
        Ok(Some(noise))
    }

    async fn enter(&self) -> Result<Box<dyn Connection>, Failure> {
        Ok(self.engine.connect(&self.at).await?)
    }

    /// Has written, and does not commit as long as this lives.
    pub(crate) async fn idles(&self) -> Result<Box<dyn Connection>, Failure> {
        let mut session = self.enter().await?;
        session.begin(TxMode::Write).await?;
        session.execute(self.insert).await?;
        Ok(session)
    }

    /// Writes until it is told to stop; how many bytes a second it came to.
    pub(crate) async fn writes(
        &self,
        stop: &Arc<AtomicBool>,
    ) -> Result<tokio::task::JoinHandle<Result<f64, String>>, Failure> {
        let (mut session, insert, stop) = (self.enter().await?, self.insert, Arc::clone(stop));
        Ok(tokio::spawn(async move {
            let begun = Instant::now();
            let mut rows = 0_u32;
            while !stop.load(Ordering::Relaxed) {
                let written = session.execute(insert).await;
                written.map_err(|error| error.to_string())?;
                rows += 1;
                let due = begun + Duration::from_secs(1) * rows / ROWS;
                tokio::time::sleep_until(due.into()).await;
            }
            Ok(f64::from(rows) * f64::from(1 << 20) / begun.elapsed().as_secs_f64())
        }))
    }
}
