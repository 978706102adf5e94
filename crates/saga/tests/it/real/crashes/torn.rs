//! SQLite's log, torn where a power failure may tear it.
//!
//! Two forms. Behind the last commit stands the beginning of a transaction that never was: it is
//! not there, and nothing else is different. And, more than any disk may do, commits that were
//! synced are gone: nobody tells the executor, so a saga may then wait for an operator, but no
//! effect may count twice or be left behind by a saga that ended.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use freehold_engine::Address;
use freehold_model::EngineKind;
use freehold_testkit::{Death, Must as _, Random};

use super::super::child;
use super::super::definitions::SCENES;
use super::super::oracle::{judge, judge_what_ended};
use super::super::world::World;
use super::rounds;

fn log_of(world: &World) -> PathBuf {
    let Address::Path(store) = &world.sidecar.address else {
        panic!("a store is a file");
    };
    let mut name = store.clone().into_os_string();
    name.push("-wal");
    PathBuf::from(name)
}

fn length(log: &Path) -> u64 {
    std::fs::metadata(log).map_or(0, |file| file.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_a_transaction_behind_the_log_is_none() {
    let Some(world) = World::of(EngineKind::Sqlite).await else {
        return;
    };
    let mut random = Random::seeded();
    for round in 0..rounds(2, 100) {
        let scene = &SCENES[round % SCENES.len()];
        world.behave(scene).await;
        let keys = world.order(2).await;
        let at = 12 + random.below(110);
        child::run(&world, scene, at, Death::After).await;
        let log = log_of(&world);
        if length(&log) > 0 {
            let mut file = OpenOptions::new().append(true).open(&log).must("the log");
            let torn: Vec<u8> = (0..random.below(9_000))
                .map(|_| u8::try_from(random.below(256)).expect("a byte"))
                .collect();
            file.write_all(&torn).must("a torn write");
        }
        world.finish(scene, &keys).await;
        judge(
            &world,
            scene,
            &keys,
            &format!("torn behind call {at}, {}", scene.name),
        )
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_that_are_lost_leave_no_effect_behind() {
    let Some(world) = World::of(EngineKind::Sqlite).await else {
        return;
    };
    let mut random = Random::seeded();
    let mut cut = 0;
    for round in 0..rounds(3, 200) {
        let scene = &SCENES[round % SCENES.len()];
        world.behave(scene).await;
        let keys = world.order(2).await;
        // The orders and their starts stay: whoever placed them was told so.
        world.fold_log_in().await;
        let at = 12 + random.below(110);
        child::run(&world, scene, at, Death::After).await;
        let log = log_of(&world);
        let whole = length(&log);
        if whole > 0 {
            let left = random.below(usize::try_from(whole).expect("small"));
            let left = u64::try_from(left).expect("small");
            let file = OpenOptions::new().write(true).open(&log).must("the log");
            file.set_len(left).must("a shorter log");
            cut += 1;
        }
        let open = world.finish_or_park(scene, &keys).await;
        let what = format!("lost commits before call {at}, {}, {open:?}", scene.name);
        judge_what_ended(&world, scene, &keys, &what).await;
    }
    assert!(cut > 0, "there was no log to cut");
}
