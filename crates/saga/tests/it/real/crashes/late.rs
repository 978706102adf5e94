//! Actions that take effect after they were given up and undone: the barrier answers for them.

#![expect(clippy::print_stderr, reason = "figures of a run")]

use freehold_engine::Engine;
use freehold_model::EngineKind;
use tokio::sync::watch;

use super::super::definitions::LATE;
use super::super::oracle::judge_either;
use super::super::participant;
use super::super::world::World;
use super::rounds;

async fn leaks_nothing(kind: EngineKind, trials: usize) {
    let Some(world) = World::of(kind).await else {
        return;
    };
    world.behave(&LATE).await;
    let keys = world.order(trials).await;
    let engine: &'static dyn Engine = world.shop.orders.engine;
    // Few at once: an undo that waits for the participant's only connection is no late success.
    let opened = world.executor_with(&LATE, engine, world.http(), |settings| {
        settings.at_once = 16;
        settings.term = std::time::Duration::from_secs(5);
    });
    let mut executor = opened.await.expect("an executor");
    let (stop, mut stopping) = watch::channel(false);
    let watching = async {
        world.until_none_is_open(&LATE, &keys, trials).await;
        // Whoever is still on the way arrives.
        tokio::time::sleep(participant::LATE * 2).await;
        let _ = stop.send(true);
    };
    let (worked, ()) = tokio::join!(executor.run(&mut stopping), watching);
    worked.expect("a healthy executor");
    let completed = judge_either(&world, &LATE, &keys, "late").await;
    let arrived = world.participants.arrived_late();
    eprintln!(
        "{kind}: {trials} sagas, {completed} completed, {arrived} actions came after their undo"
    );
    assert!(completed < trials, "nothing was given up");
    assert!(arrived > 0, "no action came after its undo");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn late_success_leaks_nothing_on_sqlite() {
    leaks_nothing(EngineKind::Sqlite, rounds(24, 10_000)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn late_success_leaks_nothing_on_postgres() {
    leaks_nothing(EngineKind::Postgres, rounds(12, 4_000)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn late_success_leaks_nothing_on_mariadb() {
    leaks_nothing(EngineKind::Mariadb, rounds(12, 2_000)).await;
}
