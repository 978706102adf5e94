//! A definition that changes while sagas of it are under way: those end by the one that they began
//! with, which nobody describes any more; new ones get the new one.

use std::time::{Duration, Instant};

use freehold_engine::Engine;
use freehold_model::EngineKind;
use freehold_saga::Executor;
use freehold_saga::operate::{self, Asked};
use freehold_testkit::Must as _;
use tokio::sync::watch;

use super::definitions::Scene;
use super::oracle::judge;
use super::world::World;

const BEFORE: Scene = Scene {
    name: "as it was",
    saga: "saga: place_order
input: { order_id: text }
steps:
  - step: reserve
    call: { http: \"POST ${SERVICE}/reserve\", body: { order: input.order_id } }
    undo: { http: \"POST ${SERVICE}/reserve/undo\", body: { order: input.order_id } }
    output: { step: text }
  - step: look
    kind: approval
  - step: charge
    kind: pivot
    call: { http: \"POST ${SERVICE}/charge\", body: { order: input.order_id, of: reserve.step } }
    resolve: { http: \"POST ${SERVICE}/charge/resolve\", body: { order: input.order_id } }
",
    refuse: &[],
    stall: &[],
    late: &[],
    completes: true,
};

/// One step more at its beginning, and the reservation under another name.
const AFTER: Scene = Scene {
    name: "as it is",
    saga: "saga: place_order
version: 2
input: { order_id: text }
steps:
  - step: points
    call: { http: \"POST ${SERVICE}/points\", body: { order: input.order_id } }
    undo: { http: \"POST ${SERVICE}/points/undo\", body: { order: input.order_id } }
  - step: hold
    call: { http: \"POST ${SERVICE}/hold\", body: { order: input.order_id } }
    undo: { http: \"POST ${SERVICE}/hold/undo\", body: { order: input.order_id } }
    output: { step: text }
  - step: look
    kind: approval
  - step: charge
    kind: pivot
    call: { http: \"POST ${SERVICE}/charge\", body: { order: input.order_id, of: hold.step } }
    resolve: { http: \"POST ${SERVICE}/charge/resolve\", body: { order: input.order_id } }
",
    ..BEFORE
};

/// Works until each of these waits for somebody to look, and leaves.
async fn until_asked(world: &World, executor: &mut Executor, keys: &[String]) {
    let (stop, mut stopping) = watch::channel(false);
    let watching = async {
        let mut eyes = world.enter(&world.sidecar).await;
        let began = Instant::now();
        loop {
            let open = world.open(eyes.as_mut(), keys).await;
            if open.iter().all(|(_, status)| status == "waiting") {
                break;
            }
            let waited = began.elapsed();
            assert!(waited < Duration::from_mins(1), "they stand at {open:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let _ = stop.send(true);
    };
    let (worked, ()) = tokio::join!(executor.run(&mut stopping), watching);
    worked.expect("a healthy executor");
}

async fn approve(world: &World, key: &str) {
    let mut eyes = world.enter(&world.sidecar).await;
    let saga = world.id_of(eyes.as_mut(), key).await.to_string();
    let seen = operate::show(eyes.as_mut(), &world.sql, &saga).await;
    let instance = seen.must("the store").must("the saga").instance;
    let asked = Asked {
        saga,
        what: "approve".to_owned(),
        step: Some("look".to_owned()),
        seen: Some(instance.must("claimed").expect("readable").state.version),
        payload: None,
        who: "ada".to_owned(),
    };
    // Nobody works yet: it is there when somebody does.
    let put = operate::ask(eyes.as_mut(), &world.sql, &asked, Duration::ZERO).await;
    put.must("the store");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sagas_under_way_keep_the_definition_that_they_began_with() {
    let Some(world) = World::of(EngineKind::Sqlite).await else {
        return;
    };
    world.behave(&BEFORE).await;
    let engine: &'static dyn Engine = world.shop.orders.engine;
    let old = world.order(1).await;
    let executor = world.executor(&BEFORE, engine, world.http()).await;
    until_asked(&world, &mut executor.expect("an executor"), &old).await;
    // Started before the new one was there, claimed after.
    let between = world.order(1).await;
    let executor = world.executor(&AFTER, engine, world.http()).await;
    let mut executor = executor.expect("an executor");
    let new = [between, world.order(1).await].concat();
    until_asked(&world, &mut executor, &new).await;
    for key in old.iter().chain(&new) {
        approve(&world, key).await;
    }
    let all = [old.clone(), new.clone()].concat();
    world.until_ended(&mut executor, &all).await;
    judge(&world, &BEFORE, &old, BEFORE.name).await;
    judge(&world, &AFTER, &new, AFTER.name).await;
}
