//! What a killed executor left in the middle: the next one has all of it after a commit a page, and
//! a store that goes away while it is taken over and worked off strands nobody.

#![expect(clippy::print_stderr, reason = "figures of a run")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use freehold_engine::{BoxFuture, Connection, TxMode};
use freehold_model::{EngineKind, Isolation};
use freehold_saga::keep::{self, Connect};
use freehold_saga::wire::Said;
use freehold_saga::{Answer, Ask, Executor, Outcome, Participants, Settings};
use freehold_testkit::{Admin, Must as _, Shape, TestServer};
use serde_json::json;
use tokio::sync::watch;

use super::super::definitions::Scene;
use super::super::world::{TERM, World, settings};
use super::rounds;

/// Its requests are waited for longer than anything here takes, so that nothing moves by itself.
const LEFT: Scene = Scene {
    name: "left in the middle",
    saga: "saga: place_order
input: { order_id: text }
steps:
  - step: reserve
    call: { http: \"POST ${SERVICE}/reserve\", body: { order: input.order_id } }
    undo: { http: \"POST ${SERVICE}/reserve/undo\", body: { order: input.order_id } }
    output: { step: text }
    timeout: 2h
  - step: charge
    kind: pivot
    call: { http: \"POST ${SERVICE}/charge\", body: { order: input.order_id, of: reserve.step } }
    resolve: { http: \"POST ${SERVICE}/charge/resolve\", body: { order: input.order_id } }
    timeout: 2h
",
    refuse: &[],
    stall: &[],
    late: &[],
    completes: true,
};
/// As many as are taken over in one commit.
const PAGE: usize = 2_000;
/// Between two looks at all rows, which cost what sagas could have had.
const LOOK: Duration = Duration::from_millis(100);
/// Of a loaded machine with all of the long form.
const PATIENCE: Duration = Duration::from_mins(30);

/// Takes a request and never says anything.
struct Silent;

impl Participants for Silent {
    fn ask(&self, _: Ask) -> BoxFuture<'static, Answer> {
        Box::pin(std::future::pending())
    }
}

/// Does everything at once, in this process.
struct Prompt;

impl Participants for Prompt {
    fn ask(&self, _: Ask) -> BoxFuture<'static, Answer> {
        let done = Said::Outcome(Outcome::Done);
        Box::pin(async move { Answer::Said(done, json!({ "step": "done" })) })
    }
}

/// What the rows say.
struct Eyes<'w> {
    world: &'w World,
    connection: Box<dyn Connection>,
    last: usize,
}

impl Eyes<'_> {
    async fn of(world: &World) -> Eyes<'_> {
        Eyes {
            world,
            connection: world.enter(&world.sidecar).await,
            last: 0,
        }
    }

    /// How many instances are so; while the server is away, as many as when it was seen last.
    async fn count(&mut self, so: &str) -> usize {
        let sql = format!(
            "SELECT count(*) FROM {} WHERE {so}",
            self.world.own("saga_instance")
        );
        let engine = self.world.shop.orders.engine;
        if let Ok(rows) = self.connection.query(&sql, &[]).await {
            self.last = usize::try_from(rows[0][0].whole().unwrap_or(0)).unwrap_or(0);
        } else if let Ok(again) = engine.connect(&self.world.sidecar).await {
            self.connection = again;
        }
        self.last
    }

    async fn until(&mut self, so: &str, wanted: usize) {
        let began = Instant::now();
        while self.count(so).await < wanted {
            assert!(
                began.elapsed() < PATIENCE,
                "{} of {wanted} are {so}",
                self.last
            );
            tokio::time::sleep(LOOK).await;
        }
    }
}

async fn start(world: &World, sagas: usize) {
    let mut program = world.enter(&world.app).await;
    let key = if world.shape.kind == EngineKind::Mariadb {
        "`key`"
    } else {
        "key"
    };
    let numbers: Vec<usize> = (0..sagas).collect();
    for numbers in numbers.chunks(500) {
        let row = |n: &usize| format!("('place_order', 'order-{n}', '{{\"order_id\": \"{n}\"}}')");
        let rows: Vec<String> = numbers.iter().map(row).collect();
        let sql = format!(
            "INSERT INTO {} (definition, {key}, input) VALUES {}",
            world.own("saga_start"),
            rows.join(", ")
        );
        program.begin(TxMode::Write).await.must("begin");
        program.execute(&sql).await.must("starts");
        program.commit().await.done().must("commit");
    }
}

async fn executor(world: &World, sagas: usize) -> Executor {
    let engine = world.shop.orders.engine;
    let opened = world.executor_with(&LEFT, engine, Arc::new(Silent), |settings| {
        settings.under_way = sagas + 1;
    });
    opened.await.expect("an executor")
}

/// Until so many stand at this version; then it is gone, without a word.
async fn works_until(world: &World, executor: &mut Executor, version: u64, sagas: usize) {
    let (_end, mut ending) = watch::channel(false);
    let mut eyes = Eyes::of(world).await;
    let so = format!("version = {version}");
    tokio::select! {
        worked = executor.run(&mut ending) => worked.expect("a healthy executor"),
        () = eyes.until(&so, sagas) => {}
    }
}

/// An executor over whatever connection can be had, as a sidecar keeps one.
fn keeps_on(
    world: &World,
    sagas: usize,
    people: Arc<dyn Participants>,
    holder: &str,
    stopping: watch::Receiver<bool>,
) -> impl Future<Output = ()> + use<> {
    let (engine, sql) = (world.shop.orders.engine, world.sql.clone());
    let sidecar = world.sidecar.clone();
    let connect: Connect = Arc::new(move || {
        let (sidecar, sql) = (sidecar.clone(), sql.clone());
        Box::pin(async move { Ok((engine.connect(&sidecar).await?, sql)) })
    });
    let settings = Settings {
        under_way: sagas + 1,
        ..settings(holder)
    };
    let definitions = vec![world.definition(&LEFT)];
    keep::run(
        connect,
        definitions,
        people,
        settings,
        Arc::new(|_| {}),
        |_| {},
        stopping,
    )
}

/// Takes up what is left and works it off.
async fn works_off(world: &World, sagas: usize, disturb: impl Future<Output = ()>) {
    let (stop, stopping) = watch::channel(false);
    let working = keeps_on(world, sagas, Arc::new(Prompt), "the last", stopping);
    let began = Instant::now();
    let watching = async {
        disturb.await;
        let mut eyes = Eyes::of(world).await;
        eyes.until("ended IS NOT NULL", sagas).await;
        let _ = stop.send(true);
    };
    tokio::join!(working, watching);
    eprintln!("{sagas} sagas were worked off after {:?}", began.elapsed());
    let mut eyes = world.enter(&world.sidecar).await;
    let all = world.statuses(eyes.as_mut()).await;
    let completed = all.values().filter(|status| *status == "completed");
    assert_eq!(completed.count(), sagas);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_executor_left_is_taken_over_by_the_page_on_sqlite() {
    let Some(world) = World::of(EngineKind::Sqlite).await else {
        return;
    };
    let sagas = rounds(1_200, 100_000);
    start(&world, sagas).await;
    let mut first = executor(&world, sagas).await;
    works_until(&world, &mut first, 1, sagas).await;
    drop(first);
    tokio::time::sleep(TERM * 2).await;
    let mut second = executor(&world, sagas).await;
    let began = Instant::now();
    works_until(&world, &mut second, 2, sagas).await;
    let (took, commits) = (began.elapsed(), second.commits());
    drop(second);
    eprintln!("{sagas} sagas were taken over in {took:?}, with {commits} commits");
    let pages = u64::try_from(sagas.div_ceil(PAGE)).expect("small");
    assert_eq!(commits, pages, "one for each page, and nothing else");
    works_off(&world, sagas, async {}).await;
}

/// The server goes when the first have been taken over, and when a quarter has ended.
async fn a_restart_strands_nobody(kind: EngineKind, sagas: usize) {
    let Some(server) = TestServer::alone(kind).await else {
        return;
    };
    let shape = Shape::on(server.clone(), Isolation::Database, Admin::Superuser).await;
    let world = World::on(shape).await;
    start(&world, sagas).await;
    let (_stop, stopping) = watch::channel(false);
    let silent = keeps_on(&world, sagas, Arc::new(Silent), "the first", stopping);
    let mut eyes = Eyes::of(&world).await;
    tokio::select! {
        () = silent => panic!("nobody stopped it"),
        () = eyes.until("version > 0", sagas) => {}
    }
    let stops = async {
        for (so, wanted) in [("version > 1", 1), ("ended IS NOT NULL", sagas / 4)] {
            Eyes::of(&world).await.until(so, wanted).await;
            server.kill();
            server.restart().await;
        }
    };
    works_off(&world, sagas, stops).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_during_recovery_strands_no_saga_on_postgres() {
    Box::pin(a_restart_strands_nobody(
        EngineKind::Postgres,
        rounds(1_200, 100_000),
    ))
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_during_recovery_strands_no_saga_on_mariadb() {
    Box::pin(a_restart_strands_nobody(
        EngineKind::Mariadb,
        rounds(600, 20_000),
    ))
    .await;
}
