//! A store that starts sagas, one that takes part, and executors in between that may die.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use freehold_engine::{BoxFuture, Connection, Endpoint, Engine, SagaSql, Secret, TxMode};
use freehold_model::{EngineKind, Isolation};
use freehold_saga::http::Http;
use freehold_saga::keep::{Connect, Standing};
use freehold_saga::operate::{self, Asked};
use freehold_saga::{
    Alarm, Answer, Ask, Definition, Executor, Participants, SagaId, Settings, read,
};
use freehold_testkit::sagashop::{Sagashop, login};
use freehold_testkit::{Admin, Crashing, Must as _, Shape};
use tokio::sync::watch;

use super::definitions::Scene;
use super::participant::{KEY, Manners, Running};

/// How long a leadership lasts in tests: nobody waits long for a dead one's.
pub(super) const TERM: Duration = Duration::from_millis(700);

pub(super) struct World {
    pub(super) shape: Shape,
    pub(super) shop: Sagashop,
    pub(super) participants: Running,
    pub(super) sidecar: Endpoint,
    pub(super) app: Endpoint,
    pub(super) sql: SagaSql,
}

static NEXT: AtomicU32 = AtomicU32::new(0);

fn fresh(what: &str) -> String {
    format!(
        "{what}-{}-{}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    )
}

impl World {
    /// `None`: the server cannot be had, and that was said.
    pub(super) async fn of(kind: EngineKind) -> Option<Self> {
        let shape = Shape::ready(kind, Isolation::Database, Admin::Superuser).await?;
        Some(Self::on(shape).await)
    }

    /// On a server of the test's own.
    pub(super) async fn on(shape: Shape) -> Self {
        let shop = Sagashop::opens(&shape).await;
        let sidecar = login(&shop.orders, &shop.orders.want.identities.sidecar).await;
        let app = login(&shop.orders, &shop.orders.want.identities.app.logins[0]).await;
        let payer = login(&shop.payment, &shop.payment.want.identities.app.logins[0]).await;
        let engine = shop.payment.engine;
        let sql = engine.sagas(&shop.payment.want).must("statements");
        let participants = Running::begins(sql, move || {
            let payer = payer.clone();
            Box::pin(async move { engine.connect(&payer).await })
        })
        .await;
        let sql = shop
            .orders
            .engine
            .sagas(&shop.orders.want)
            .must("statements");
        Self {
            shape,
            shop,
            participants,
            sidecar,
            app,
            sql,
        }
    }

    pub(super) fn definition(&self, scene: &Scene) -> Definition {
        definition(scene.saga, &self.shop.payment.want.service)
    }

    pub(super) async fn behave(&self, scene: &Scene) {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let manners = Manners {
            refuse: names(scene.refuse),
            stall: names(scene.stall),
            late: names(scene.late),
        };
        self.participants.behave(manners).await;
    }

    pub(super) async fn enter(&self, at: &Endpoint) -> Box<dyn Connection> {
        self.shop
            .orders
            .engine
            .connect(at)
            .await
            .must("a connection")
    }

    /// Orders with their sagas, each in one transaction, as the program. Two and two ask for the
    /// same lock.
    pub(super) async fn order(&self, count: usize) -> Vec<String> {
        let mut program = self.enter(&self.app).await;
        let mut keys = Vec::new();
        let place = fresh("shelf");
        let (one, three) = match self.shape.kind {
            EngineKind::Postgres => ("$1", "$1, $2::text::json, $3::text::json"),
            _ => ("?", "?, ?, ?"),
        };
        for number in 0..count {
            let key = fresh("order");
            program.begin(TxMode::Write).await.must("begin");
            let sql = format!("INSERT INTO orders (order_id) VALUES ({one})");
            program
                .run(&sql, &[key.as_str().into()])
                .await
                .must("the order");
            let sql = format!(
                "INSERT INTO {} (definition, {}, input, locks) VALUES ('place_order', {three})",
                self.own("saga_start"),
                self.key()
            );
            let input = format!("{{\"order_id\": \"{key}\"}}");
            let locks = format!("[\"{place}-{}\"]", number / 2);
            let args = [key.as_str().into(), input.into(), locks.into()];
            program.run(&sql, &args).await.must("the start");
            program.commit().await.done().must("commit");
            keys.push(key);
        }
        keys
    }

    /// A word of its own on MariaDB.
    fn key(&self) -> &'static str {
        match self.shape.kind {
            EngineKind::Mariadb => "`key`",
            _ => "key",
        }
    }

    pub(super) fn own(&self, name: &str) -> String {
        self.shop.orders.want.spot.own(name)
    }

    /// An executor with its connection through `engine`, as a new process would have it.
    pub(super) async fn executor(
        &self,
        scene: &Scene,
        engine: &'static dyn Engine,
        people: Arc<dyn Participants>,
    ) -> freehold_saga::Result<Executor> {
        self.executor_of(scene, engine, people, |_| {}).await
    }

    /// With other statements.
    pub(super) async fn executor_of(
        &self,
        scene: &Scene,
        engine: &'static dyn Engine,
        people: Arc<dyn Participants>,
        change: impl FnOnce(&mut SagaSql),
    ) -> freehold_saga::Result<Executor> {
        let mut sql = self.sql.clone();
        change(&mut sql);
        let settings = settings(&fresh("sidecar"));
        self.executor_as(scene, engine, people, sql, settings).await
    }

    /// With other settings.
    pub(super) async fn executor_with(
        &self,
        scene: &Scene,
        engine: &'static dyn Engine,
        people: Arc<dyn Participants>,
        change: impl FnOnce(&mut Settings),
    ) -> freehold_saga::Result<Executor> {
        let mut settings = settings(&fresh("sidecar"));
        change(&mut settings);
        self.executor_as(scene, engine, people, self.sql.clone(), settings)
            .await
    }

    async fn executor_as(
        &self,
        scene: &Scene,
        engine: &'static dyn Engine,
        people: Arc<dyn Participants>,
        sql: SagaSql,
        settings: Settings,
    ) -> freehold_saga::Result<Executor> {
        let connection = engine.connect(&self.sidecar).await?;
        let alarm: Arc<dyn Fn(Alarm) + Send + Sync> = Arc::new(|_| {});
        let definitions = [self.definition(scene)];
        Executor::open(connection, sql, &definitions, people, settings, alarm).await
    }

    pub(super) fn http(&self) -> Arc<dyn Participants> {
        http(&self.shop.payment.want.service, &self.participants.address)
    }

    /// A healthy executor, until these sagas have ended.
    pub(super) async fn finish(&self, scene: &Scene, keys: &[String]) {
        let engine = self.shop.orders.engine;
        let mut executor = self
            .executor(scene, engine, self.http())
            .await
            .expect("an executor");
        self.until_ended(&mut executor, keys).await;
    }

    pub(super) async fn until_ended(&self, executor: &mut Executor, keys: &[String]) {
        let (stop, mut stopping) = watch::channel(false);
        let watching = async {
            let mut eyes = self.enter(&self.sidecar).await;
            let began = Instant::now();
            loop {
                let open = self.open(eyes.as_mut(), keys).await;
                if open.is_empty() {
                    break;
                }
                assert!(
                    began.elapsed() < Duration::from_mins(1),
                    "still open: {open:?}"
                );
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            let _ = stop.send(true);
        };
        let (worked, ()) = tokio::join!(executor.run(&mut stopping), watching);
        worked.expect("a healthy executor");
    }

    /// An executor over whatever connection can be had at `sidecar`, again and again, until these
    /// sagas have ended. What the store says meanwhile is no matter; `disturb` goes on beside it.
    pub(super) async fn keeps_on(
        &self,
        scene: &Scene,
        sidecar: &Endpoint,
        keys: &[String],
        disturb: impl Future<Output = ()>,
    ) {
        let (engine, sql) = (self.shop.orders.engine, self.sql.clone());
        let sidecar = sidecar.clone();
        let connect: Connect = Arc::new(move || {
            let (sidecar, sql) = (sidecar.clone(), sql.clone());
            Box::pin(async move { Ok((engine.connect(&sidecar).await?, sql)) })
        });
        let (stop, stopping) = watch::channel(false);
        let working = freehold_saga::keep::run(
            connect,
            vec![self.definition(scene)],
            self.http(),
            settings(&fresh("sidecar")),
            Arc::new(|_| {}),
            |standing| {
                let stopped = matches!(standing, Standing::Stopped(_));
                assert!(!stopped, "it gave up: {standing:?}");
            },
            stopping,
        );
        let watching = async {
            disturb.await;
            let mut eyes = self.enter(&self.sidecar).await;
            let began = Instant::now();
            loop {
                let open = self.open(eyes.as_mut(), keys).await;
                if open.is_empty() {
                    break;
                }
                assert!(
                    began.elapsed() < Duration::from_mins(3),
                    "stranded: {open:?}"
                );
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            let _ = stop.send(true);
        };
        tokio::join!(working, watching);
    }

    /// Until these have ended, however many: the longer they may take. What parked because nobody
    /// answered in time, as on a machine that is slow, is tried again as an operator does.
    pub(super) async fn until_none_is_open(&self, scene: &Scene, keys: &[String], count: usize) {
        let mut eyes = self.enter(&self.sidecar).await;
        let began = Instant::now();
        let limit = Duration::from_secs(60 + u64::try_from(count).unwrap_or(0));
        loop {
            let open = self.open(eyes.as_mut(), keys).await;
            if open.is_empty() {
                return;
            }
            let some: Vec<_> = open.iter().take(5).collect();
            assert!(
                began.elapsed() < limit,
                "{} still open: {some:?}",
                open.len()
            );
            for (key, _) in open.iter().filter(|(_, status)| status == "parked") {
                self.retry(scene, eyes.as_mut(), key).await;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    async fn retry(&self, scene: &Scene, eyes: &mut dyn Connection, key: &str) {
        let saga = self.id_of(eyes, key).await.to_string();
        let seen = operate::show(eyes, &self.sql, &saga).await;
        let instance = seen.must("the store").must("the saga").instance;
        let state = instance.must("it is claimed").expect("readable").state;
        let Some(step) = state.steps.iter().position(|it| it.parked.is_some()) else {
            return;
        };
        let asked = Asked {
            saga,
            what: "retry".to_owned(),
            step: Some(self.definition(scene).steps[step].name.clone()),
            seen: Some(state.version),
            payload: None,
            who: "ada".to_owned(),
        };
        let asking = operate::ask(eyes, &self.sql, &asked, Duration::ZERO);
        asking.await.must("the store");
    }

    /// Folds the log of a store that nobody has open into its file, as SQLite does when it is closed.
    pub(super) async fn fold_log_in(&self) {
        drop(self.enter(&self.sidecar).await);
    }

    /// A healthy executor, until each of these has ended or waits for an operator. Those that wait.
    pub(super) async fn finish_or_park(&self, scene: &Scene, keys: &[String]) -> Vec<String> {
        let engine = self.shop.orders.engine;
        let mut executor = self
            .executor(scene, engine, self.http())
            .await
            .expect("an executor");
        let (stop, mut stopping) = watch::channel(false);
        let watching = async {
            let mut eyes = self.enter(&self.sidecar).await;
            let began = Instant::now();
            let parked = loop {
                let open = self.open(eyes.as_mut(), keys).await;
                let is_parked = |(_, status): &&(String, String)| status == "parked";
                let parked: Vec<_> = open.iter().filter(is_parked).cloned().collect();
                // Who waits for a lock of one that is parked waits for the operator too.
                let waits = |(_, status): &(String, String)| {
                    status == "parked" || status == "waiting" && !parked.is_empty()
                };
                if open.iter().all(waits) {
                    break parked;
                }
                assert!(began.elapsed() < Duration::from_mins(1), "lost: {open:?}");
                tokio::time::sleep(Duration::from_millis(10)).await;
            };
            let _ = stop.send(true);
            parked.into_iter().map(|(key, _)| key).collect()
        };
        let (worked, parked) = tokio::join!(executor.run(&mut stopping), watching);
        worked.expect("a healthy executor");
        parked
    }

    /// Of these, the sagas that have not ended: (key, status).
    pub(super) async fn open(
        &self,
        eyes: &mut dyn Connection,
        keys: &[String],
    ) -> Vec<(String, String)> {
        let all = self.statuses(eyes).await;
        let status = |key: &String| all.get(key).cloned().unwrap_or_default();
        let open = keys.iter().map(|key| (key.clone(), status(key)));
        open.filter(|(_, status)| !matches!(status.as_str(), "completed" | "compensated"))
            .collect()
    }

    pub(super) async fn statuses(&self, eyes: &mut dyn Connection) -> BTreeMap<String, String> {
        let standing = self.standing(eyes).await.into_iter();
        standing.map(|(key, (_, status))| (key, status)).collect()
    }

    /// By key: the saga's id and its status.
    pub(super) async fn standing(
        &self,
        eyes: &mut dyn Connection,
    ) -> BTreeMap<String, (String, String)> {
        let sql = format!(
            "SELECT {}, saga_id, saga_status FROM {}",
            self.key(),
            self.own("saga")
        );
        let rows = eyes.query(&sql, &[]).await.must("the view");
        let text = |row: &[freehold_engine::Value], at: usize| {
            row[at].text().unwrap_or_default().to_owned()
        };
        rows.iter()
            .map(|row| (text(row, 0), (text(row, 1), text(row, 2))))
            .collect()
    }

    pub(super) async fn id_of(&self, eyes: &mut dyn Connection, key: &str) -> SagaId {
        let sql = format!("SELECT {}, saga_id FROM {}", self.key(), self.own("saga"));
        let rows = eyes.query(&sql, &[]).await.must("the view");
        let row = rows
            .iter()
            .find(|row| row[0].text() == Some(key))
            .must("its row");
        SagaId::parse(row[1].text().must("its id")).must("an id")
    }
}

pub(super) fn definition(saga: &str, service: &str) -> Definition {
    let text = saga.replace("SERVICE", service);
    let loaded = read(&text, Path::new("place_order.yaml")).must("a definition without fault");
    loaded.definition
}

pub(super) fn settings(holder: &str) -> Settings {
    Settings {
        term: TERM,
        life: Duration::from_secs(20),
        poll: Duration::from_millis(5),
        ..Settings::new(holder)
    }
}

pub(super) fn http(service: &str, address: &str) -> Arc<dyn Participants> {
    let addresses = BTreeMap::from([(service.to_owned(), address.to_owned())]);
    Arc::new(Http::new(
        addresses,
        "orders",
        Some(Secret::new(KEY.to_owned())),
    ))
}

/// Participants whose every request is a crash point.
pub(super) struct Unreachable {
    pub(super) inner: Arc<dyn Participants>,
    pub(super) engine: &'static Crashing,
    /// What was asked, for whoever wants to know.
    pub(super) asked: Arc<Mutex<Vec<String>>>,
}

impl Participants for Unreachable {
    fn ask(&self, ask: Ask) -> BoxFuture<'static, Answer> {
        self.asked
            .lock()
            .must("nobody panics")
            .push(ask.key.clone());
        let (inner, engine) = (Arc::clone(&self.inner), self.engine);
        Box::pin(async move {
            let answer = engine.around(inner.ask(ask)).await;
            answer.unwrap_or_else(|| Answer::Nothing("the process was killed here (test)".into()))
        })
    }
}
