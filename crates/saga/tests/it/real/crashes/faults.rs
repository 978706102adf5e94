//! What a killed process does not show: the server is gone in the middle and comes back, the line
//! breaks at a COMMIT, the disk is full. Nobody is stranded, and every effect counts once or not at
//! all.

#![expect(clippy::print_stderr, reason = "figures of a run")]

use std::time::Duration;

use freehold_model::{EngineKind, Isolation};
use freehold_testkit::{Admin, Cut, Proxy, Random, Shape, SmallDisk, TestServer};

use super::super::definitions::{SCENES, Scene};
use super::super::oracle::judge;
use super::super::world::World;
use super::rounds;

/// The server of both, initiator and participants, is killed while sagas run and again while they
/// are taken up; each time it comes back.
async fn the_server_stops(kind: EngineKind) {
    let Some(server) = TestServer::alone(kind).await else {
        return;
    };
    let shape = Shape::on(server.clone(), Isolation::Database, Admin::Superuser).await;
    let world = World::on(shape).await;
    let mut random = Random::seeded();
    for round in 0..rounds(1, 12) {
        let scene = &SCENES[round % SCENES.len()];
        world.behave(scene).await;
        let keys = world.order(rounds(20, 400)).await;
        let mut pauses: Vec<usize> = (0..3).map(|_| 20 + random.below(600)).collect();
        // Right after it came back: others are just taking up what was left.
        pauses[1] = random.below(80);
        let stops = async {
            for pause in pauses {
                let pause = u64::try_from(pause).expect("small");
                tokio::time::sleep(Duration::from_millis(pause)).await;
                server.kill();
                server.restart().await;
            }
        };
        world.keeps_on(scene, &world.sidecar, &keys, stops).await;
        judge(
            &world,
            scene,
            &keys,
            &format!("{kind} stopped, {}", scene.name),
        )
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_that_stops_strands_no_saga() {
    Box::pin(the_server_stops(EngineKind::Postgres)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mariadb_that_stops_strands_no_saga() {
    Box::pin(the_server_stops(EngineKind::Mariadb)).await;
}

/// The line to the store breaks at a COMMIT: before it arrived, before it was answered, after. The
/// executor does not know what became of it.
async fn the_line_breaks(kind: EngineKind, commits: usize, stride: usize) {
    let Some(world) = World::of(kind).await else {
        return;
    };
    let mut cuts = 0;
    for at in (1..=commits).step_by(stride) {
        let scene: &Scene = &SCENES[at % SCENES.len()];
        for cut in [Cut::Before, Cut::Sent, Cut::Answered] {
            world.behave(scene).await;
            let keys = world.order(2).await;
            let proxy = Proxy::before(&world.shape.endpoint, "", at, cut).await;
            let mut sidecar = proxy.endpoint(&world.shape.endpoint);
            sidecar.user.clone_from(&world.sidecar.user);
            sidecar.password.clone_from(&world.sidecar.password);
            sidecar.database.clone_from(&world.sidecar.database);
            world.keeps_on(scene, &sidecar, &keys, async {}).await;
            cuts += usize::from(proxy.commits() >= at);
            let what = format!("{kind}, cut {cut:?} at COMMIT {at}, {}", scene.name);
            judge(&world, scene, &keys, &what).await;
        }
    }
    eprintln!("{kind}: {cuts} cuts");
    assert!(cuts > 0, "no COMMIT was cut");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_of_unknown_outcome_is_looked_up_on_postgres() {
    the_line_breaks(EngineKind::Postgres, rounds(6, 14), rounds(5, 1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_of_unknown_outcome_is_looked_up_on_mariadb() {
    the_line_breaks(EngineKind::Mariadb, rounds(6, 14), rounds(5, 1)).await;
}

/// No room for the store of either side while sagas run, and room again later.
async fn the_disk_is_full(kind: EngineKind, megabytes: usize) {
    let Some(disk) = SmallDisk::of_megabytes(megabytes) else {
        return;
    };
    let server = if kind == EngineKind::Sqlite {
        None
    } else {
        let Some(server) = TestServer::alone_in(kind, disk.path()).await else {
            return;
        };
        Some(server)
    };
    let shape = match &server {
        Some(server) => Shape::on(server.clone(), Isolation::Database, Admin::Superuser).await,
        None => Shape::embedded_in(disk.path()),
    };
    let world = World::on(shape).await;
    for round in 0..rounds(1, 8) {
        let scene = &SCENES[round % SCENES.len()];
        world.behave(scene).await;
        let keys = world.order(rounds(10, 100)).await;
        let fills = async {
            tokio::time::sleep(Duration::from_millis(30)).await;
            disk.fill(0);
            tokio::time::sleep(Duration::from_millis(700)).await;
            disk.empty();
            if let Some(server) = &server {
                // One that ended for want of room.
                server.restart().await;
            }
        };
        world.keeps_on(scene, &world.sidecar, &keys, fills).await;
        judge(
            &world,
            scene,
            &keys,
            &format!("{kind}, full disk, {}", scene.name),
        )
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_strands_no_saga_on_sqlite() {
    Box::pin(the_disk_is_full(EngineKind::Sqlite, 8)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_strands_no_saga_on_postgres() {
    Box::pin(the_disk_is_full(EngineKind::Postgres, 160)).await;
}
