//! Several sidecars share the work, and what one leaves another takes up; what a store forgot is
//! asked of the participants.

use std::time::Duration;

use freehold_engine::Engine;
use freehold_model::EngineKind;
use freehold_saga::operate;
use freehold_testkit::Must as _;
use tokio::sync::watch;

use super::definitions::SCENES;
use super::oracle::judge;
use super::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_sidecars_share_the_work_and_one_goes_on_alone() {
    let Some(world) = World::of(EngineKind::Sqlite).await else {
        return;
    };
    let scene = &SCENES[0];
    world.behave(scene).await;
    let engine: &'static dyn Engine = world.shop.orders.engine;
    let mut one = world
        .executor(scene, engine, world.http())
        .await
        .expect("an executor");
    let mut two = world
        .executor(scene, engine, world.http())
        .await
        .expect("an executor");
    one.lead_now().await.expect("it leads");
    assert_eq!(one.standing().0, 64, "alone it leads everything");
    two.lead_now().await.expect("it comes");
    one.lead_now().await.expect("it makes room");
    two.lead_now().await.expect("it takes what is free");
    assert_eq!((one.standing().0, two.standing().0), (32, 32));
    // One goes in order, the other finishes alone.
    let keys = world.order(6).await;
    let (stop, mut stopping) = watch::channel(false);
    let both = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let _ = stop.send(true);
    };
    let (left, ()) = tokio::join!(one.run(&mut stopping), both);
    left.expect("it leaves");
    assert_eq!(one.standing().0, 0);
    world.until_ended(&mut two, &keys).await;
    judge(&world, scene, &keys, "two sidecars").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_store_asks_its_participants() {
    let Some(world) = World::of(EngineKind::Sqlite).await else {
        return;
    };
    let scene = &SCENES[0];
    world.behave(scene).await;
    let engine: &'static dyn Engine = world.shop.orders.engine;
    let keys = world.order(2).await;
    world.finish(scene, &keys).await;
    // As a backup from before the claim would have it: the participants have done everything, the
    // store knows of nothing.
    let mut owner = engine
        .connect(&engine.at_store(&world.shop.orders.admin, &world.shop.orders.want.spot))
        .await
        .must("the owner");
    for sql in [
        "DELETE FROM freehold_saga_instance",
        "UPDATE freehold_saga_start SET claimed = 0",
        "UPDATE freehold_saga_share SET until = 1",
    ] {
        owner.execute(sql).await.must("the backup");
    }
    operate::restored(owner.as_mut(), &world.sql)
        .await
        .must("noted");
    let opened = world.executor_with(scene, engine, world.http(), |settings| {
        settings.life = Duration::from_secs(1);
    });
    let mut executor = opened.await.expect("an executor");
    executor.lead_now().await.expect("it leads");
    let mut eyes = world.enter(&world.sidecar).await;
    let statuses = world.statuses(eyes.as_mut()).await;
    for key in &keys {
        let doubted = matches!(statuses[key].as_str(), "suspect" | "waiting");
        assert!(doubted, "{key} was begun as if new: {statuses:?}");
    }
    world.until_ended(&mut executor, &keys).await;
    // Forward, since the pivot was done; and no effect twice.
    judge(&world, scene, &keys, "restored").await;
}
