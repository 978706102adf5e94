//! Stores that were put back in ways that positions alone do not tell: one backup twice, with the
//! broker's log lost in between; without the relay's own file; beside a leader of another life.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use freehold_broker::{
    Base, Body, EventId, History, Incarnation, Message, Position, Session as _, Timestamp, To,
};
use freehold_engine::Connection;
use freehold_events::{Applier, Sound};
use freehold_model::EngineKind;

use crate::memory::{Open, partitions};
use crate::peer::{Backup, asking, outbox_state, put_book, restore, row, until, write};
use crate::relay::judge;
use crate::world::{ENGINES, World, change, drain};

type Row = (i64, String, i64);

/// The copy comes to be this.
async fn becomes(world: &World, applier: Applier, truth: &[Row], what: &str) -> Applier {
    let applier = until(applier, || async { world.copy().await == truth }).await;
    assert_eq!(world.copy().await, truth, "{what}: {:?}", applier.seen());
    applier
}

/// The present life of the store.
async fn life(world: &World) -> Incarnation {
    let mut ground = World::ground(&world.shop.catalog).await;
    let begin = freehold_engine::TxMode::Relay;
    ground.connection.begin(begin).await.expect("begin");
    let sql = "SELECT token FROM freehold_incarnation ORDER BY number DESC LIMIT 1";
    let rows = ground.connection.query(sql, &[]).await.expect("a life");
    ground.connection.rollback().await.expect("rollback");
    let token = rows[0][0].text().expect("a text");
    token.parse().expect("an incarnation")
}

/// A backup, changes that it lacks, and the store put back; then another change. All of it has
/// reached the copy.
async fn put_back_once(world: &World, program: &mut dyn Connection) -> Backup {
    let mut relay = world.relay::<Sound>().await;
    for book in 1..=5 {
        write(program, book, 1).await;
    }
    drain(&mut relay).await;
    drop(relay);
    let backup = outbox_state(world).await;
    restore(world, &backup).await;
    let mut relay = world.relay::<Sound>().await;
    for (book, version) in [(3, 2), (6, 1), (3, 3)] {
        write(program, book, version).await;
        drain(&mut relay).await;
    }
    let ghosts = [
        row(1, 1),
        row(2, 1),
        row(3, 3),
        row(4, 1),
        row(5, 1),
        row(6, 1),
    ];
    becomes(world, asking(world).await, &ghosts, "once").await;
    backup
}

/// The same backup again, and a broker that knows nothing any more.
async fn put_back_again(world: &mut World, backup: &Backup) {
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    restore(world, backup).await;
    world.memory = Arc::default();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_backup_put_back_twice() {
    for kind in ENGINES {
        let Some(mut world) = World::on(kind).await else {
            continue;
        };
        let mut program = world.program().await;
        let backup = put_back_once(&world, &mut *program).await;
        let first = life(&world).await;
        put_back_again(&mut world, &backup).await;
        let mut relay = world.relay::<Sound>().await;
        let second = life(&world).await;
        assert!(second.number > first.number, "{kind}: {first} {second}");
        write(&mut *program, 4, 2).await;
        drain(&mut relay).await;
        let truth = [row(1, 1), row(2, 1), row(3, 1), row(4, 2), row(5, 1)];
        becomes(
            &world,
            asking(&world).await,
            &truth,
            &format!("{kind} twice"),
        )
        .await;
    }
}

/// The clock went back: the second life has the number of the first one and a smaller random part,
/// or even a smaller number. The owner's store decides. A leader of the lost life that wakes late
/// and announces itself moves nothing for good.
#[tokio::test(flavor = "multi_thread")]
async fn a_life_that_looks_older_is_the_present_one() {
    let same = ENGINES.into_iter().map(|kind| (kind, true));
    for (kind, same_number) in same.chain([(EngineKind::Sqlite, false)]) {
        let Some(mut world) = World::on(kind).await else {
            continue;
        };
        let what = format!("{kind}, same number: {same_number}");
        let mut program = world.program().await;
        let backup = put_back_once(&world, &mut *program).await;
        let first = life(&world).await;
        put_back_again(&mut world, &backup).await;
        drop(world.relay::<Sound>().await);
        let number = if same_number {
            first.number
        } else {
            u32::try_from(backup.life + 1).expect("a number")
        };
        let second = Incarnation { number, random: 0 };
        assert!(second < first, "{what}");
        rename_life(&world, second).await;
        let mut relay = world.relay::<Sound>().await;
        assert_eq!(life(&world).await, second);
        write(&mut *program, 4, 2).await;
        drain(&mut relay).await;
        let truth = [row(1, 1), row(2, 1), row(3, 1), row(4, 2), row(5, 1)];
        let applier = becomes(&world, asking(&world).await, &truth, &what).await;
        drop(relay);
        announce_late(&world, first).await;
        let mut relay = world.relay::<Sound>().await;
        write(&mut *program, 5, 2).await;
        drain(&mut relay).await;
        let truth = [row(1, 1), row(2, 1), row(3, 1), row(4, 2), row(5, 2)];
        let applier = becomes(&world, applier, &truth, &what).await;
        assert!(applier.seen().forks.is_empty(), "{what}");
        assert!(applier.seen().behind.is_empty(), "{what}");
        drop(applier);
        // Who begins anew reads the late one too.
        write(&mut *program, 1, 2).await;
        drain(&mut relay).await;
        let truth = [row(1, 2), row(2, 1), row(3, 1), row(4, 2), row(5, 2)];
        becomes(&world, asking(&world).await, &truth, &what).await;
    }
}

/// As if the clock had been another one when the present life began.
async fn rename_life(world: &World, life: Incarnation) {
    let mut ground = World::ground(&world.shop.catalog).await;
    let store = &mut ground.connection;
    let begin = freehold_engine::TxMode::Relay;
    store.begin(begin).await.expect("begin");
    let sql = "SELECT max(number) FROM freehold_incarnation";
    let rows = store.query(sql, &[]).await.expect("a life");
    let largest = rows[0][0].int().expect("a number");
    let sql = format!(
        "UPDATE freehold_incarnation SET number = {}, token = '{life}' WHERE number = {largest}",
        life.number
    );
    store.run(&sql, &[]).await.expect("another number");
    store.commit().await.done().expect("commit");
}

/// What a paused leader of this life still had to say.
async fn announce_late(world: &World, life: Incarnation) {
    let position = Position {
        incarnation: life,
        batch: 0,
        id: 0,
    };
    let history = History(vec![Base {
        incarnation: life,
        after: None,
    }]);
    let messages = partitions().each().map(|partition| Message {
        event: EventId([9; 16]),
        topic: world.topic(),
        to: To::Partition(partition),
        key: String::new(),
        source: world.source().name,
        position,
        prev: None,
        occurred_at: Timestamp::from_micros(0),
        headers: Vec::new(),
        body: Body::Incarnation(history.clone()),
    });
    let messages: Vec<Message> = messages.collect();
    let settled = Open(Arc::clone(&world.memory)).publish(&messages).await;
    assert!(settled.stop.is_none(), "{:?}", settled.stop);
}

/// Events were recorded and not sent; then a leader of another life put the broker's tails ahead of
/// them. No broker takes them as they are any more, and they arrive all the same.
#[tokio::test(flavor = "multi_thread")]
async fn outstanding_events_behind_a_tail_of_another_life() {
    for kind in ENGINES {
        let Some(world) = World::on(kind).await else {
            continue;
        };
        let mut program = world.program().await;
        let mut relay = world.relay::<Sound>().await;
        change(&mut *program, 1, 1).await;
        drain(&mut relay).await;
        world.memory.down.store(true, Ordering::Relaxed);
        for book in 1..=9 {
            change(&mut *program, book, 2).await;
            relay.round().await.expect("a round");
        }
        assert!(relay.waiting() > 0, "{kind}");
        drop(relay);
        world.memory.down.store(false, Ordering::Relaxed);
        let mut other = life(&world).await;
        other.number += 5;
        announce_late(&world, other).await;
        let mut relay = world.relay::<Sound>().await;
        change(&mut *program, 1, 3).await;
        drain(&mut relay).await;
        let verdict = judge(&world, 11).await;
        assert!(verdict.is_sound(), "{kind}: {verdict:?}");
        assert!(life(&world).await > other, "{kind}");
        let latest = |book| if book == 1 { 3 } else { 2 };
        let truth: Vec<Row> = (1..=9).map(|book| row(book, latest(book))).collect();
        becomes(&world, world.applier().await, &truth, &kind.to_string()).await;
    }
}

/// Only the store's file was put back: ids come again that the relay's cursor has passed, and its
/// records name rows that are others now.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_put_back_without_the_relays_file() {
    let Some(mut world) = World::on(EngineKind::Sqlite).await else {
        return;
    };
    let mut program = world.program().await;
    let mut relay = world.relay::<Sound>().await;
    for book in 1..=5 {
        write(&mut *program, book, 1).await;
    }
    drain(&mut relay).await;
    let backup = outbox_state(&world).await;
    for (book, version) in [(2, 2), (6, 1), (2, 3)] {
        write(&mut *program, book, version).await;
        drain(&mut relay).await;
    }
    let before = life(&world).await;
    drop(relay);
    let ghosts = [
        row(1, 1),
        row(2, 3),
        row(3, 1),
        row(4, 1),
        row(5, 1),
        row(6, 1),
    ];
    let applier = becomes(&world, asking(&world).await, &ghosts, "before").await;
    let mut ground = World::ground(&world.shop.catalog).await;
    for sql in [
        format!("DELETE FROM freehold_outbox WHERE id > {}", backup.id),
        format!(
            "UPDATE sqlite_sequence SET seq = {} WHERE name = 'freehold_outbox'",
            backup.id
        ),
        "DELETE FROM books WHERE book_id = 6".to_owned(),
    ] {
        ground.connection.run(&sql, &[]).await.expect("put back");
    }
    drop(ground);
    put_book(&mut *program, 2, 1).await;
    // These take the ids of what is lost.
    for (book, version) in [(3, 2), (7, 1)] {
        write(&mut *program, book, version).await;
    }
    // Everything acknowledged is pruned at once.
    world.options.keep = Duration::ZERO;
    let mut relay = world.relay::<Sound>().await;
    drain(&mut relay).await;
    assert!(life(&world).await > before);
    let truth = [
        row(1, 1),
        row(2, 1),
        row(3, 2),
        row(4, 1),
        row(5, 1),
        row(7, 1),
    ];
    let applier = becomes(&world, applier, &truth, "after").await;
    let sent = world.memory.all(&world.topic()).into_iter().flatten();
    let (of_three, of_seven) = sent
        .filter(|it| matches!(it.body, Body::Event { .. }))
        .fold((0, 0), |(three, seven), it| match &*it.key {
            "3" => (three + 1, seven),
            "7" => (three, seven + 1),
            _ => (three, seven),
        });
    assert_eq!((of_three, of_seven), (2, 1), "each was published once");
    // It goes on, along whole chains, and no further life is made of the same.
    let after = life(&world).await;
    drop(relay);
    let mut relay = world.relay::<Sound>().await;
    for (book, version) in [(2, 2), (3, 3)] {
        write(&mut *program, book, version).await;
    }
    drain(&mut relay).await;
    assert_eq!(life(&world).await, after);
    let truth = [
        row(1, 1),
        row(2, 2),
        row(3, 3),
        row(4, 1),
        row(5, 1),
        row(7, 1),
    ];
    let applier = becomes(&world, applier, &truth, "on").await;
    assert!(applier.seen().forks.is_empty() && applier.seen().behind.is_empty());
}
