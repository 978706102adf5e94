//! The executor dies at each of its calls, to the store and to participants, before and after it
//! took effect; another one goes on.

mod faults;
mod late;
mod recovery;
mod torn;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use freehold_engine::Engine;
use freehold_model::EngineKind;
use freehold_testkit::{Crashing, Death};
use tokio::sync::watch;

use super::child;
use super::definitions::{SCENES, Scene};
use super::oracle::judge;
use super::world::{Unreachable, World};

/// How much of something: less in CI.
fn rounds(in_ci: usize, proving: usize) -> usize {
    match std::env::var_os("FREEHOLD_PROVE") {
        Some(_) => proving,
        None => in_ci,
    }
}

/// Every so many calls one dies; all in the long form (`FREEHOLD_SAGA_EVERY=1`).
fn every(short: usize) -> usize {
    let wanted = std::env::var("FREEHOLD_SAGA_EVERY").ok();
    wanted.and_then(|it| it.parse().ok()).unwrap_or(short)
}

/// Calls that an executor makes for two sagas when nothing happens to it. Looks for starts count
/// too, so it is never the same twice.
async fn calls(world: &World, scene: &Scene) -> usize {
    world.behave(scene).await;
    let engine = Crashing::never(world.shop.orders.engine);
    let keys = world.order(2).await;
    let mut executor = world
        .executor(scene, engine, people(world, engine))
        .await
        .expect("an executor");
    world.until_ended(&mut executor, &keys).await;
    judge(world, scene, &keys, scene.name).await;
    engine.calls()
}

fn people(world: &World, engine: &'static Crashing) -> Arc<Unreachable> {
    Arc::new(Unreachable {
        inner: world.http(),
        engine,
        asked: Arc::new(Mutex::new(Vec::new())),
    })
}

/// Two sagas, an executor that dies at call `at`, another one that dies at call `again` of its
/// own, and one that finishes.
async fn trial(world: &World, scene: &Scene, at: usize, again: Option<usize>, death: Death) {
    world.behave(scene).await;
    let keys = world.order(2).await;
    for at in std::iter::once(at).chain(again) {
        let engine = Crashing::at(world.shop.orders.engine, at, death);
        let (_stop, mut stopping) = watch::channel(false);
        let Ok(mut executor) = world.executor(scene, engine, people(world, engine)).await else {
            continue;
        };
        let limit = Duration::from_millis(1_500);
        let _ = tokio::time::timeout(limit, executor.run(&mut stopping)).await;
    }
    world.finish(scene, &keys).await;
    let what = format!("{}, call {at} then {again:?}, {death:?}", scene.name);
    judge(world, scene, &keys, &what).await;
}

async fn dies_everywhere(kind: EngineKind, short: usize) {
    let Some(world) = World::of(kind).await else {
        return;
    };
    for (number, scene) in SCENES.iter().enumerate() {
        let calls = calls(&world, scene).await;
        let mut at = 1 + number % short;
        let mut turn = number;
        while at <= calls {
            let death = if turn % 2 == 0 {
                Death::Before
            } else {
                Death::After
            };
            let again = (turn % 3 == 0).then_some(5 + at % 20);
            trial(&world, scene, at, again, death).await;
            at += every(short);
            turn += 1;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_executor_on_sqlite_may_die_at_every_call() {
    dies_everywhere(EngineKind::Sqlite, 23).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_executor_on_postgres_may_die_at_every_call() {
    dies_everywhere(EngineKind::Postgres, 41).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_executor_on_mariadb_may_die_at_every_call() {
    dies_everywhere(EngineKind::Mariadb, 97).await;
}

async fn is_killed(kind: EngineKind, short: usize) {
    use std::os::unix::process::ExitStatusExt as _;
    let Some(world) = World::of(kind).await else {
        return;
    };
    let mut killed = 0;
    for scene in &SCENES {
        let calls = calls(&world, scene).await;
        let mut at = 12;
        while at <= calls {
            world.behave(scene).await;
            let keys = world.order(2).await;
            let death = if killed % 2 == 0 {
                Death::After
            } else {
                Death::Before
            };
            let ended = child::run(&world, scene, at, death).await;
            killed += usize::from(ended.signal() == Some(9));
            world.finish(scene, &keys).await;
            judge(
                &world,
                scene,
                &keys,
                &format!("{}, killed at {at}", scene.name),
            )
            .await;
            at += every(short);
        }
    }
    assert!(killed > 0, "no child was killed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_leaves_whole_sagas_on_sqlite() {
    is_killed(EngineKind::Sqlite, 61).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_leaves_whole_sagas_on_postgres() {
    is_killed(EngineKind::Postgres, 97).await;
}

/// What the fence is for: one that was frozen while another took over writes nothing more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_woke_up_late_writes_nothing() {
    let Some(world) = World::of(EngineKind::Sqlite).await else {
        return;
    };
    assert!(
        woke_up_late(&world, false).await,
        "the fence let a stale epoch through"
    );
    assert!(
        !woke_up_late(&world, true).await,
        "without its fence nobody noticed: the test proves nothing"
    );
}

/// Does the late one notice? `mutant`: its fence does not look at the epoch.
async fn woke_up_late(world: &World, mutant: bool) -> bool {
    let scene = &SCENES[0];
    let engine: &'static dyn Engine = world.shop.orders.engine;
    let opened = world.executor_of(scene, engine, world.http(), |sql| {
        if mutant {
            sql.fence = sql.fence.replace("epoch = r.value ->> 'e'", "true");
        }
    });
    let mut late = opened.await.expect("an executor");
    late.lead_now().await.expect("it leads");
    // It sleeps over its term, and another one takes everything.
    tokio::time::sleep(super::world::TERM * 2).await;
    let mut other = world
        .executor(scene, engine, world.http())
        .await
        .expect("an executor");
    other.lead_now().await.expect("it leads");
    world.behave(scene).await;
    let keys = world.order(1).await;
    late.claim_now().await.expect("no error");
    let mut eyes = world.enter(&world.sidecar).await;
    let status = world.statuses(eyes.as_mut()).await.remove(&keys[0]);
    let noticed = status.as_deref() == Some("new");
    drop(late);
    if noticed {
        world.until_ended(&mut other, &keys).await;
    }
    noticed
}
