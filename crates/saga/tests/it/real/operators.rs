//! What operators and programs ask for, on a real store: as signals, audited, done once.

use std::time::Duration;

use freehold_engine::{Connection, Engine};
use freehold_model::EngineKind;
use freehold_saga::operate::{self, Asked};
use freehold_saga::{At, Executor, Instance};
use freehold_testkit::Must as _;
use tokio::sync::watch;

use super::definitions::{SCENES, Scene};
use super::world::World;

/// Waits where an operator has to decide.
const PARKS: Scene = Scene {
    name: "waits for an operator",
    saga: "saga: place_order
input: { order_id: text }
steps:
  - step: reserve
    call: { http: \"POST ${SERVICE}/reserve\", body: { order: input.order_id } }
    undo: { http: \"POST ${SERVICE}/reserve/undo\", body: { order: input.order_id } }
    on_refused: { then: wait }
  - step: look
    kind: approval
  - step: charge
    kind: pivot
    call: { http: \"POST ${SERVICE}/charge\", body: { order: input.order_id } }
    resolve: { http: \"POST ${SERVICE}/charge/resolve\", body: { order: input.order_id } }
",
    refuse: &["reserve"],
    stall: &[],
    late: &[],
    completes: true,
};

struct Desk<'w> {
    world: &'w World,
    eyes: Box<dyn Connection>,
    saga: String,
}

impl Desk<'_> {
    async fn instance(&mut self) -> Instance {
        let seen = operate::show(self.eyes.as_mut(), &self.world.sql, &self.saga).await;
        let seen = seen.must("the store").must("the saga");
        seen.instance.must("it is claimed").expect("readable")
    }

    async fn until(&mut self, what: &str, is: impl Fn(&Instance) -> bool) -> Instance {
        for _ in 0..1_000 {
            let instance = self.instance().await;
            if is(&instance) {
                return instance;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("never {what}: {:?}", self.instance().await.state);
    }

    async fn ask(&mut self, what: &str, step: Option<&str>, seen: Option<u64>) -> String {
        let now = self.instance().await.state.version;
        let asked = Asked {
            saga: self.saga.clone(),
            what: what.to_owned(),
            step: step.map(str::to_owned),
            seen: seen.or(Some(now)),
            payload: None,
            who: "ada".to_owned(),
        };
        let noted = operate::ask(
            self.eyes.as_mut(),
            &self.world.sql,
            &asked,
            Duration::from_secs(20),
        )
        .await;
        noted.must("the store").must("somebody took it").outcome
    }
}

/// Runs `tale` beside a working executor.
async fn beside<F>(executor: &mut Executor, tale: F)
where
    F: Future<Output = ()>,
{
    let (stop, mut stopping) = watch::channel(false);
    let (worked, ()) = tokio::join!(executor.run(&mut stopping), async {
        tale.await;
        let _ = stop.send(true);
    });
    worked.expect("a healthy executor");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_retries_approves_and_is_told() {
    let Some(world) = World::of(EngineKind::Sqlite).await else {
        return;
    };
    world.behave(&PARKS).await;
    let engine: &'static dyn Engine = world.shop.orders.engine;
    let mut executor = world
        .executor(&PARKS, engine, world.http())
        .await
        .expect("an executor");
    let keys = world.order(1).await;
    let mut eyes = world.enter(&world.sidecar).await;
    let saga = world.id_of(eyes.as_mut(), &keys[0]).await.to_string();
    let tale = async {
        let mut desk = Desk {
            world: &world,
            eyes: world.enter(&world.sidecar).await,
            saga,
        };
        for _ in 0..1_000 {
            let seen = operate::show(desk.eyes.as_mut(), &world.sql, &desk.saga).await;
            if seen.must("the store").must("the saga").instance.is_some() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        desk.until("refused", |it| it.state.steps[0].at == At::Refused)
            .await;
        assert_eq!(
            desk.ask("skip", Some("charge"), None).await,
            "refused: without its pivot the saga has no outcome"
        );
        assert_eq!(
            desk.ask("retry", Some("nothing"), None).await,
            "there is no step `nothing`"
        );
        assert_eq!(
            desk.ask("retry", Some("reserve"), Some(1_000)).await,
            "refused: it moved since it was looked at"
        );
        world.behave(&SCENES[0]).await;
        assert_eq!(desk.ask("retry", Some("reserve"), None).await, "done");
        let waits = desk
            .until("awaiting", |it| it.state.steps[1].at == At::Awaiting)
            .await;
        assert_eq!(
            waits.state.steps[0].generation, 2,
            "a refusal is final: another generation opened"
        );
        assert_eq!(desk.ask("approve", Some("look"), None).await, "done");
        desk.until("completed", |it| it.state.phase.is_end()).await;
        assert_eq!(
            desk.ask("cancel", None, None).await,
            "refused: it has ended"
        );
        let notes = operate::notes(desk.eyes.as_mut(), &world.sql, &desk.saga)
            .await
            .must("the trail");
        assert_eq!(notes.len(), 6);
        assert!(notes.iter().all(|note| note.who == "ada"));
    };
    beside(&mut executor, tale).await;
}

/// An input that does not fit was committed with its order: it is parked, not lost, and does not
/// stop the others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invalid_start_is_parked_and_the_others_go_on() {
    let Some(world) = World::of(EngineKind::Sqlite).await else {
        return;
    };
    let scene = &SCENES[0];
    world.behave(scene).await;
    let mut program = world.enter(&world.app).await;
    for input in ["{}", "{\"order_id\": 7}", "{\"order_id\": \"a\\u0000b\"}"] {
        let sql =
            "INSERT INTO freehold_saga_start (definition, key, input) VALUES ('place_order', ?, ?)";
        program
            .run(sql, &[input.into(), input.into()])
            .await
            .must("the start");
    }
    let unknown = "INSERT INTO freehold_saga_start (definition, key) VALUES ('no_such_saga', 'x')";
    program.run(unknown, &[]).await.must("the start");
    drop(program);
    let mut program = world.enter(&world.app).await;
    program
        .run(
            "INSERT INTO orders (order_id) VALUES ('a'), ('b'), ('c'), ('d')",
            &[],
        )
        .await
        .must("orders");
    let keys = world.order(2).await;
    world.finish(scene, &keys).await;
    let mut eyes = world.enter(&world.sidecar).await;
    let statuses = world.statuses(eyes.as_mut()).await;
    assert_eq!(statuses["{}"], "parked");
    assert_eq!(statuses["{\"order_id\": 7}"], "parked");
    assert_eq!(statuses["x"], "new");
}
