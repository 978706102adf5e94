//! An executor in a process of its own, for being killed: this very test binary, started again.

use std::process::{Command, ExitStatus};
use std::sync::{Arc, Mutex};

use freehold_engine::{Endpoint, Secret};
use freehold_model::EngineKind;
use freehold_saga::{Alarm, Executor};
use freehold_testkit::sagashop::Sagashop;
use freehold_testkit::{Crashing, Death, Must as _};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::definitions::Scene;
use super::world::{Unreachable, World, definition, http, settings};

const ORDER: &str = "FREEHOLD_TEST_SAGA_CHILD";

/// Runs a child that is killed at its call `at`, or that works until it is asked to stop by the end
/// of its sagas. Returns how it ended.
pub(super) async fn run(world: &World, scene: &Scene, at: usize, death: Death) -> ExitStatus {
    let order = json!({
        "kind": world.shape.kind.name(),
        "name": world.shape.name,
        "server": world.shape.endpoint.url().expose(),
        "sidecar": world.sidecar.url().expose(),
        "user": world.sidecar.user,
        "participants": world.participants.address,
        "saga": scene.saga,
        "at": at,
        "after": death == Death::After,
    });
    let mut command = Command::new(std::env::current_exe().must("this binary"));
    command
        .args(["--exact", "real::child::executor", "--nocapture"])
        .env(ORDER, order.to_string())
        .stdout(std::process::Stdio::null());
    let running = tokio::task::spawn_blocking(move || command.status());
    running.await.expect("no panic").must("a child")
}

/// As a child: the executor. As a test: that a child dies where it is told to, and not before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn executor() {
    use std::os::unix::process::ExitStatusExt as _;
    if let Ok(order) = std::env::var(ORDER) {
        return works(&order).await;
    }
    let Some(world) = World::of(EngineKind::Sqlite).await else {
        return;
    };
    let scene = &super::definitions::SCENES[0];
    world.behave(scene).await;
    let ended = run(&world, scene, 3, Death::Before).await;
    assert_eq!(ended.signal(), Some(9), "{ended}");
    let keys = world.order(1).await;
    let ended = run(&world, scene, usize::MAX >> 1, Death::Before).await;
    assert!(ended.success(), "{ended}");
    super::oracle::judge(&world, scene, &keys, "a child that lives").await;
}

async fn works(order: &str) {
    let order: Value = serde_json::from_str(order).expect("an order");
    let text = |name: &str| order[name].as_str().must("a text").to_owned();
    let kind = EngineKind::ALL
        .into_iter()
        .find(|kind| kind.name() == text("kind"))
        .must("a kind");
    let parse = |name: &str| Endpoint::parse(kind, &Secret::new(text(name))).must("a URL");
    let shop = Sagashop::described(kind, &text("name"), &parse("server"));
    let mut sidecar = parse("sidecar");
    sidecar.user = text("user");
    let death = if order["after"] == true {
        Death::After
    } else {
        Death::Before
    };
    let at = usize::try_from(order["at"].as_u64().must("a number")).expect("small");
    let engine = Crashing::kills_at(shop.orders.engine, at, death);
    let people = Arc::new(Unreachable {
        inner: http(&shop.payment.want.service, &text("participants")),
        engine,
        asked: Arc::new(Mutex::new(Vec::new())),
    });
    let alarm: Arc<dyn Fn(Alarm) + Send + Sync> = Arc::new(|_| {});
    let sql = shop
        .orders
        .engine
        .sagas(&shop.orders.want)
        .must("statements");
    let definitions = [definition(&text("saga"), &shop.payment.want.service)];
    let connection = freehold_engine::Engine::connect(engine, &sidecar)
        .await
        .must("a connection");
    let holder = format!("child-{}", std::process::id());
    let opened = Executor::open(
        connection,
        sql,
        &definitions,
        people,
        settings(&holder),
        alarm,
    );
    let mut executor = opened.await.expect("an executor");
    let (_stop, mut stopping) = watch::channel(false);
    let limit = std::time::Duration::from_secs(4);
    let _ = tokio::time::timeout(limit, executor.run(&mut stopping)).await;
}
