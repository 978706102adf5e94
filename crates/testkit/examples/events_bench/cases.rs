//! The cases of one engine and one broker, one after the other.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use freehold_broker::{Body, Start};
use freehold_engine::TxMode;
use freehold_events::Round;
use freehold_model::EngineKind;

use crate::brokers::{Place, partitions};
use crate::figures::{Row, Sync, spent};
use crate::noise::Noise;
use crate::stores::{Beside, KEYS, Pair, Shared};
use crate::{Asked, Failure};

/// The book that is watched, apart from all others.
const WATCHED: u64 = KEYS + 1;

/// What they share.
pub(crate) struct Cases<'a> {
    pub(crate) prefix: String,
    pub(crate) asked: &'a Asked,
    pub(crate) place: Place,
    pub(crate) pair: Pair,
    pub(crate) sync: Sync,
}

struct Running<'a> {
    prefix: String,
    asked: &'a Asked,
    place: Place,
    pair: Shared,
    sync: Sync,
}

impl Cases<'_> {
    pub(crate) async fn run(mut self) -> Result<(), Failure> {
        let service = self.pair.shop.catalog.want.service.clone();
        self.place.make(&Pair::topic()?, &service).await?;
        let running = Running {
            prefix: self.prefix,
            asked: self.asked,
            place: self.place,
            pair: Arc::new(self.pair),
            sync: self.sync,
        };
        running.drain().await?;
        let rate = running.live().await?;
        running.watched("paced", rate / 2.0).await?;
        running.neighboured(rate / 2.0).await?;
        running.watched("idle", 0.0).await
    }
}

impl Running<'_> {
    fn row(
        &self,
        case: &str,
        events: u64,
        took: Duration,
        limit: Option<f64>,
        cpu: Option<Duration>,
        times: &mut Vec<Duration>,
    ) {
        let row = Row {
            case: format!("{}-{case}", self.prefix),
            events,
            took,
            times,
            limit,
            cpu,
            sync: self.sync,
        };
        row.print();
    }

    async fn drain(&self) -> Result<(), Failure> {
        let events = self.asked.events;
        self.pair.backlog(events).await?;
        let begun = Instant::now();
        let read = self.read_only().await?;
        let limit = per_second(read, begun.elapsed());
        let mut relay = self.pair.relay(&self.place).await?;
        let (begun, before) = (Instant::now(), spent().0);
        let mut sent = 0;
        loop {
            match relay.round().await? {
                Round::Recorded { rows, .. } => sent += rows as u64,
                Round::Idle if relay.waiting() == 0 && sent >= events => break,
                Round::Idle => {}
            }
            if let Some((topic, error)) = relay.troubles().iter().next() {
                return Err(format!("{topic}: {error}").into());
            }
        }
        self.row(
            "drain",
            events,
            begun.elapsed(),
            Some(limit),
            Some(spent().0.saturating_sub(before)),
            &mut Vec::new(),
        );
        drop(relay);
        let mut beside = Beside::new();
        let applier = self.pair.applier(&self.place).await?;
        let mut program = self.pair.consumer_program().await;
        let (begun, before) = (Instant::now(), spent().0);
        beside.applier(applier);
        let keys = KEYS.min(events);
        while Pair::copied(&mut *program, events - keys).await? < keys {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let (took, cpu) = (begun.elapsed(), spent().0.saturating_sub(before));
        self.row("copies", events, took, None, Some(cpu), &mut Vec::new());
        beside.end().await
    }

    async fn read_only(&self) -> Result<u64, Failure> {
        let mut ground = self.pair.reader().await;
        let (mut cursor, mut read) = (String::new(), 0);
        loop {
            ground.connection.begin(TxMode::ReadOnly).await?;
            let want = ground.want.clone();
            let polled = ground.connection.poll_outbox(&want, &cursor, 2_000).await?;
            ground.connection.rollback().await?;
            read += polled.rows.len() as u64;
            if polled.last_page {
                return Ok(read);
            }
            cursor = polled.cursor;
        }
    }

    fn writers(&self) -> u64 {
        // One writer at a time is let in: more would only wait longer.
        if self.pair.kind == EngineKind::Sqlite {
            8
        } else {
            64
        }
    }

    /// Writers as fast as they can for so long: how many commits.
    async fn write(&self, table: &str, first: u64) -> Result<u64, Failure> {
        let (stop, count) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU64::new(0)),
        );
        let mut writers = Vec::new();
        for writer in 0..self.writers() {
            let mut program = self.pair.program().await;
            let (pair, table) = (Arc::clone(&self.pair), table.to_owned());
            let (stop, count) = (Arc::clone(&stop), Arc::clone(&count));
            writers.push(tokio::spawn(async move {
                let mut version = first;
                while !stop.load(Ordering::Relaxed) {
                    version += 1;
                    let book = (version * 67 + writer * 151) % KEYS;
                    let done = pair.publish(&mut *program, &table, book, version).await;
                    done.map_err(|error| error.to_string())?;
                    count.fetch_add(1, Ordering::Relaxed);
                }
                Ok::<(), String>(())
            }));
        }
        tokio::time::sleep(Duration::from_secs(self.asked.seconds)).await;
        stop.store(true, Ordering::Relaxed);
        for writer in writers {
            writer.await??;
        }
        Ok(count.load(Ordering::Relaxed))
    }

    async fn live(&self) -> Result<f64, Failure> {
        let plain = self.pair.plain().await?;
        let begun = Instant::now();
        let without = self.write(&plain, self.asked.events).await?;
        let limit = per_second(without, begun.elapsed());
        if self.pair.kind == EngineKind::Sqlite {
            // They went into the outbox itself.
            let mut relay = self.pair.relay(&self.place).await?;
            while relay.round().await? != Round::Idle || relay.waiting() > 0 {}
        }
        let mut beside = Beside::new();
        let readers = self.readers().await?;
        let relay = self.pair.relay(&self.place).await?;
        beside.relay(relay);
        let begun = Instant::now();
        let written = self.write("freehold_outbox", self.asked.events * 2).await?;
        while readers.count.load(Ordering::Relaxed) < written {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let took = begun.elapsed();
        beside.end().await?;
        let mut times = readers.end()?;
        self.row("live", written, took, Some(limit), None, &mut times);
        Ok(per_second(written, took))
    }

    /// Reads all partitions from now on, and how old each event is when it comes.
    async fn readers(&self) -> Result<Readers, Failure> {
        let count = Arc::new(AtomicU64::new(0));
        let times = Arc::new(std::sync::Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        let session = self.place.session().await?;
        let group = format!("{}.readers", self.pair.shop.catalog.want.service);
        for partition in partitions().each() {
            let topic = Pair::topic()?;
            let mut reading = session
                .subscribe(&group, &topic, partition, Start::Tail)
                .await?;
            let (count, times) = (Arc::clone(&count), Arc::clone(&times));
            let session = Arc::clone(&session);
            tasks.push(tokio::spawn(async move {
                while let Ok(read) = reading.next(512).await {
                    let now = SystemTime::now().duration_since(UNIX_EPOCH);
                    let now = now.unwrap_or_default();
                    for message in read.into_iter().filter_map(|it| it.message.ok()) {
                        if let Body::Event { .. } = message.body {
                            let micros = message.occurred_at.micros();
                            let at = Duration::from_micros(u64::try_from(micros).unwrap_or(0));
                            let mut times = times.lock().unwrap_or_else(PoisonError::into_inner);
                            times.push(now.saturating_sub(at));
                            count.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                }
                drop(session);
            }));
        }
        Ok(Readers {
            count,
            times,
            tasks,
        })
    }

    /// One book is changed again and again and its copy watched, beside others at this rate.
    async fn watched(&self, case: &str, rate: f64) -> Result<(), Failure> {
        let mut beside = Beside::new();
        beside.relay(self.pair.relay(&self.place).await?);
        beside.applier(self.pair.applier(&self.place).await?);
        let stop = Arc::new(AtomicBool::new(false));
        let others = self.others(rate, &stop).await;
        let (mut program, mut consumer) = (
            self.pair.program().await,
            self.pair.consumer_program().await,
        );
        let pause = Duration::from_millis(if rate > 0.0 { 20 } else { 150 });
        let samples = self.asked.seconds * 1_000 / u64::try_from(pause.as_millis())?;
        let mut times = Vec::new();
        let base = Pair::version(&mut *consumer, WATCHED).await?;
        let begun = Instant::now();
        for sample in 1..=samples.max(10) + 5 {
            let version = base + sample;
            self.pair
                .publish(&mut *program, "freehold_outbox", WATCHED, version)
                .await?;
            let committed = Instant::now();
            while Pair::version(&mut *consumer, WATCHED).await? < version {
                tokio::time::sleep(Duration::from_micros(250)).await;
            }
            // The first few find everything asleep or catching up.
            if sample > 5 {
                times.push(committed.elapsed());
            }
            tokio::time::sleep(pause).await;
        }
        let took = begun.elapsed();
        stop.store(true, Ordering::Relaxed);
        let mut written = samples;
        for other in others {
            written += other.await??;
        }
        beside.end().await?;
        let limit = 1.0 / (3.0 * self.sync.p50.as_secs_f64());
        self.row(case, written, took, Some(limit), None, &mut times);
        Ok(())
    }

    /// What is paced, beside a database of somebody else on the same server.
    #[expect(clippy::print_stderr, reason = "what the neighbour came to is no row")]
    async fn neighboured(&self, rate: f64) -> Result<(), Failure> {
        let Some(noise) = Noise::beside(&self.pair).await? else {
            return Ok(());
        };
        let idle = noise.idles().await?;
        self.watched("neighbour-idle", rate).await?;
        drop(idle);
        let stop = Arc::new(AtomicBool::new(false));
        let writing = noise.writes(&stop).await?;
        let watched = self.watched("neighbour-writes", rate).await;
        stop.store(true, Ordering::Relaxed);
        let bytes = writing.await??;
        eprintln!("the neighbour wrote {:.1} MB/s", bytes / 1e6);
        watched
    }

    async fn others(
        &self,
        rate: f64,
        stop: &Arc<AtomicBool>,
    ) -> Vec<tokio::task::JoinHandle<Result<u64, String>>> {
        const WRITERS: u64 = 16;
        let mut tasks = Vec::new();
        if rate <= 0.0 {
            return tasks;
        }
        for writer in 0..WRITERS {
            let mut program = self.pair.program().await;
            let (pair, stop) = (Arc::clone(&self.pair), Arc::clone(stop));
            let first = self.asked.events * 4;
            tasks.push(tokio::spawn(async move {
                let (begun, mut written) = (Instant::now(), 0_u64);
                while !stop.load(Ordering::Relaxed) {
                    written += 1;
                    let version = first + written;
                    let book = (version * 67 + writer * 151) % KEYS;
                    let done = pair
                        .publish(&mut *program, "freehold_outbox", book, version)
                        .await;
                    done.map_err(|error| error.to_string())?;
                    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
                    let due = written as f64 * 16.0 / rate;
                    let due = begun + Duration::from_secs_f64(due);
                    tokio::time::sleep_until(due.into()).await;
                }
                Ok(written)
            }));
        }
        tasks
    }
}

struct Readers {
    count: Arc<AtomicU64>,
    times: Arc<std::sync::Mutex<Vec<Duration>>>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Readers {
    fn end(self) -> Result<Vec<Duration>, Failure> {
        for task in &self.tasks {
            task.abort();
        }
        let mut times = self.times.lock().map_err(|_| "a reader died")?;
        Ok(std::mem::take(&mut *times))
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn per_second(events: u64, took: Duration) -> f64 {
    events as f64 / took.as_secs_f64()
}
