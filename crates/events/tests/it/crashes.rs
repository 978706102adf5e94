//! Every crash point: a relay, then an applier, that dies at its call number k, to the store or to
//! the broker, before the call took effect or after; for every k that there is. Its successor ends
//! where one that never died ends. `FREEHOLD_PROVE=1` takes every k on the servers, too.

#![expect(clippy::print_stdout, reason = "how many calls there were")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use freehold_broker::{
    BoxFuture, Error, ErrorKind, Limits, Message, Partition, Rejection, Result, Session, Settled,
    Start, Stop, Subscription, Tail, Topic,
};
use freehold_engine::{Connection, Engine as _};
use freehold_events::{Applier, Ground, Relay, Round, Sound};
use freehold_model::EngineKind;
use freehold_testkit::bookshop::{Target, door};
use freehold_testkit::{Crashing, Death, Must as _};

use crate::memory::Open;
use crate::peer::Direct;
use crate::storm::judge::{Versions, copy, outbox, pairs, witness};
use crate::world::{ENGINES, PATIENCE, World, change};

/// Calls to the broker are crash points like those to the store.
struct Dying {
    inner: Open,
    engine: &'static Crashing,
}

fn gone() -> Error {
    Error::new(ErrorKind::Unavailable, "the process was killed here (test)")
}

impl Session for Dying {
    fn limits(&self) -> Limits {
        self.inner.limits()
    }

    fn warnings(&self) -> Vec<freehold_model::Fault> {
        self.inner.warnings()
    }

    fn broken(&self) -> bool {
        self.inner.broken()
    }

    fn check(&self, message: &Message) -> Result<(), Rejection> {
        self.inner.check(message)
    }

    fn publish<'a>(&'a self, messages: &'a [Message]) -> BoxFuture<'a, Settled> {
        Box::pin(async move {
            let settled = self.engine.around(self.inner.publish(messages)).await;
            settled.unwrap_or(Settled {
                acknowledged: 0,
                stop: Some(Stop::Failed(gone())),
            })
        })
    }

    fn tails<'a>(&'a self, topic: &'a Topic) -> BoxFuture<'a, Result<Vec<Tail>>> {
        Box::pin(async move {
            let tails = self.engine.around(self.inner.tails(topic)).await;
            tails.unwrap_or_else(|| Err(gone()))
        })
    }

    fn subscribe<'a>(
        &'a self,
        group: &'a str,
        topic: &'a Topic,
        partition: Partition,
        start: Start,
    ) -> BoxFuture<'a, Result<Box<dyn Subscription>>> {
        Box::pin(async move {
            let reading = self.inner.subscribe(group, topic, partition, start);
            let reading = self.engine.around(reading).await;
            reading.unwrap_or_else(|| Err(gone()))
        })
    }
}

async fn ground(engine: &'static Crashing, target: &Target) -> freehold_events::Result<Ground> {
    let want = target.want.clone();
    let at = door(target, &want.identities.sidecar).await;
    let connection = engine.connect(&at).await?;
    let sql = engine.events(&want).must("an engine with events");
    Ok(Ground {
        connection,
        want,
        sql,
    })
}

impl World {
    fn dying(&self, engine: &'static Crashing) -> Arc<Dying> {
        Arc::new(Dying {
            inner: Open(Arc::clone(&self.memory)),
            engine,
        })
    }
}

/// The same name each time: nobody waits for the dead one's term.
const PHOENIX: &str = "phoenix";

/// Heartbeats come when a relay takes over, and never by the clock: what it does is the same on
/// every machine.
const NEVER: Duration = Duration::from_hours(24);

/// A relay that works until nothing is left to do, or dies.
async fn relays(world: &World, engine: &'static Crashing) -> freehold_events::Result<()> {
    let ground = ground(engine, &world.shop.catalog).await?;
    let mut source = world.source();
    PHOENIX.clone_into(&mut source.sidecar);
    let options = world.options.clone();
    let relay = Relay::<Sound>::take_over(ground, world.dying(engine), source, options).await?;
    let mut relay = relay.must("nobody else leads");
    let mut quiet = 0;
    while quiet < 2 {
        let idle = relay.round().await? == Round::Idle;
        if let Some(error) = relay.troubles().values().next() {
            return Err(freehold_events::Error::Peer(error.to_string()));
        }
        quiet = if idle && relay.waiting() == 0 {
            quiet + 1
        } else {
            0
        };
    }
    Ok(())
}

/// An applier that works until the copy is whole, or dies.
async fn applies(
    world: &World,
    engine: &'static Crashing,
    truth: &Versions,
) -> freehold_events::Result<()> {
    let ground = ground(engine, &world.shop.orders).await?;
    let mut consumer = world.consumer();
    PHOENIX.clone_into(&mut consumer.sidecar);
    // Few in a batch: more transactions, more places to die.
    consumer.batch = 8;
    consumer.term = NEVER;
    let applier = Applier::take_over(ground, world.dying(engine), consumer).await?;
    let peers = Arc::new(Direct(world.owner()));
    let mut applier = applier.must("nobody else leads").with_peers(Some(peers));
    let (stopper, mut stop) = tokio::sync::watch::channel(false);
    let watch = async {
        let begun = Instant::now();
        while !is_whole(world, truth).await && begun.elapsed() < PATIENCE {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let _ = stopper.send(true);
    };
    tokio::select! {
        ran = applier.run(&mut stop) => ran,
        () = async { watch.await; std::future::pending().await } => Ok(()),
    }
}

async fn is_whole(world: &World, truth: &Versions) -> bool {
    let copy = copy(&world.shop.orders).await;
    let same = |(book, all): (&i64, &Vec<i64>)| copy.get(book) == all.last();
    let open = "SELECT count(*), 0 FROM freehold_fill WHERE state IN ('wanted', 'running')";
    truth.iter().all(same) && pairs(&world.shop.orders, open).await == [(0, 0)]
}

async fn writes(program: &mut dyn Connection, round: i64) {
    for (book, version) in [(1, 2 * round), (2, round), (3, round), (1, 2 * round + 1)] {
        change(program, book, version).await;
    }
    change(program, 10 + round, 1).await;
}

fn stride(kind: EngineKind) -> usize {
    let proves = std::env::var_os("FREEHOLD_PROVE").is_some();
    if proves || kind == EngineKind::Sqlite {
        1
    } else {
        9
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_dies_anywhere_is_followed() {
    for kind in ENGINES {
        let Some(mut world) = World::on(kind).await else {
            continue;
        };
        world.options.tick = NEVER;
        let (mut program, mut round, mut at) = (world.program().await, 0, 1);
        loop {
            let death = [Death::Before, Death::After][at % 2];
            let deaths = if stride(kind) == 1 {
                &[Death::Before, Death::After][..]
            } else {
                &[death][..]
            };
            let mut reached = false;
            for death in deaths {
                round += 1;
                writes(&mut *program, round).await;
                let engine = Crashing::at(world.shop.catalog.engine, at, *death);
                let died = relays(&world, engine).await;
                reached |= engine.calls() >= at;
                assert_eq!(died.is_err(), engine.calls() >= at, "{kind} {at}: {died:?}");
                let never = Crashing::never(world.shop.catalog.engine);
                let followed = relays(&world, never).await;
                followed.unwrap_or_else(|error| panic!("{kind} {at} {death:?}: {error}"));
            }
            if !reached {
                break;
            }
            at += stride(kind);
        }
        println!("{kind}: a relay died {round} times, over {at} calls");
        assert!(at > 20, "{kind}: {at}");
        let committed = usize::try_from(round * 5).expect("a number");
        let verdict = crate::relay::judge(&world, committed).await;
        assert!(verdict.is_sound(), "{kind}: {verdict:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_applier_that_dies_anywhere_is_followed() {
    for kind in ENGINES {
        for fills in [false, true] {
            applier_dies(kind, fills).await;
        }
    }
}

/// `fills`: each one begins by filling the copy anew; else nothing may ever be put twice.
async fn applier_dies(kind: EngineKind, fills: bool) {
    let Some(mut world) = World::on(kind).await else {
        return;
    };
    world.options.tick = NEVER;
    let world = world;
    let (catalog, orders) = (&world.shop.catalog, &world.shop.orders);
    let mut program = world.program().await;
    let never = || Crashing::never(orders.engine);
    let relays = || async {
        let relayed = relays(&world, Crashing::never(catalog.engine)).await;
        relayed.expect("a relay");
    };
    relays().await;
    applies(&world, never(), &Versions::new())
        .await
        .expect("a first one, that fills nothing");
    as_owner(orders, if fills { &[] } else { witness(kind) }).await;
    let (mut round, mut at) = (0, 1);
    loop {
        round += 1;
        // No version comes twice: one book's events may be of several transactions.
        for (version, book) in (round * 10..).zip([1, 2, 3, 1, 10 + round, 1]) {
            crate::peer::write(&mut *program, book, version).await;
        }
        relays().await;
        // Some of it is to be fetched; the next heartbeat tells of it.
        world
            .memory
            .lose(|message| message.key == "2" && message.position.id % 2 == 0);
        relays().await;
        let truth = outbox(catalog).await;
        if fills {
            as_owner(orders, &["UPDATE freehold_fill SET state = 'wanted'"]).await;
        }
        let death = [Death::Before, Death::After][usize::from(round % 2 == 0)];
        let engine = Crashing::at(orders.engine, at, death);
        let died = applies(&world, engine, &truth).await;
        let reached = engine.calls() >= at;
        assert_eq!(died.is_err(), reached, "{kind} {at}: {died:?}");
        let followed = applies(&world, never(), &truth).await;
        followed.unwrap_or_else(|error| panic!("{kind} {at} {death:?}: {error}"));
        let whole = is_whole(&world, &truth).await;
        assert!(whole, "{kind} {at} {death:?}: {:?}", world.copy().await);
        if !reached {
            break;
        }
        // Both deaths at each call.
        at += if round % 2 == 0 { stride(kind) } else { 0 };
    }
    println!("{kind}, fills {fills}: an applier died {round} times, over {at} calls");
    assert!(at > 15, "{kind}: {at}");
    if !fills {
        let put = pairs(orders, "SELECT book_id, version FROM put ORDER BY id").await;
        let mut last = std::collections::HashMap::new();
        for (book, version) in put {
            let before = last.insert(book, version);
            assert!(
                before < Some(version),
                "{kind}: {book} at {version} after {before:?}"
            );
        }
    }
}

async fn as_owner(target: &Target, statements: &[&str]) {
    let at = target.engine.at_store(&target.admin, &target.want.spot);
    let mut owner = target.engine.connect(&at).await.must("the administrator");
    owner.assume_owner(&target.want).await.must("the owner");
    for sql in statements {
        owner.execute(sql).await.must(sql);
    }
}
