//! A tombstone is forgotten when every lane has passed it, and not before; a parked key's stays.
//! Each of both rules is broken once: then a row comes back that its source does not have.

use std::sync::Arc;

use freehold_engine::{Connection, EventSql};
use freehold_events::operate::{dead, edit, retry};
use freehold_events::peer::Peers;
use freehold_events::{Applier, FillState, Relay, Sound, clock};
use freehold_model::EngineKind;
use freehold_testkit::bookshop::BOOK_CHANGED;

use crate::memory::Open;
use crate::peer::{Direct, row, until, write};
use crate::world::{ENGINES, World, change, drain, payload};

type Break = fn(&mut EventSql);

/// Both rules hold.
const NONE: Break = |_| {};

/// The mutant that forgets what stands still.
const ALSO_PARKED: Break = |sql| {
    let said = "AND NOT EXISTS (";
    assert!(sql.tombstones_go.contains(said), "{}", sql.tombstones_go);
    let broken = sql
        .tombstones_go
        .replace(said, "AND (1 = 1 OR NOT EXISTS (");
    sql.tombstones_go = broken + ")";
};

/// The mutant that forgets whatever is there, as one by age does.
const AT_ONCE: Break = |sql| {
    let said = "d.stamp <= ";
    assert!(sql.tombstones_go.contains(said), "{}", sql.tombstones_go);
    sql.tombstones_go = sql.tombstones_go.replace(said, "1 = 1 OR d.stamp <= ");
};

/// An applier that asks the owner, one message a transaction.
async fn applier(world: &World, rules: Break) -> Applier {
    let mut ground = World::ground(&world.shop.orders).await;
    rules(&mut ground.sql);
    let session = Arc::new(Open(Arc::clone(&world.memory)));
    let mut consumer = world.consumer();
    consumer.batch = 1;
    let peers: Arc<dyn Peers> = Arc::new(Direct(world.owner()));
    let led = Applier::take_over(ground, session, consumer).await;
    let led = led.expect("the store").expect("nobody else leads");
    led.with_peers(Some(peers))
}

/// Keys with a tombstone.
async fn stones(world: &World) -> Vec<String> {
    let mut ground = World::ground(&world.shop.orders).await;
    let sql = match ground.connection.probe().product {
        "MariaDB" | "MySQL" => {
            "SELECT CONVERT(`key` USING utf8mb4) FROM freehold_tombstone ORDER BY 1"
        }
        _ => "SELECT key FROM freehold_tombstone ORDER BY key",
    };
    let rows = ground.connection.query(sql, &[]).await.expect("read");
    let key = |row: &Vec<freehold_engine::Value>| row[0].text().expect("a key").to_owned();
    rows.iter().map(key).collect()
}

/// Says that a book is gone.
async fn gone(program: &mut dyn Connection, book: i64) {
    let key = match program.probe().product {
        "MariaDB" | "MySQL" => "`key`",
        _ => "key",
    };
    let sql = format!(
        "INSERT INTO freehold_outbox (topic, {key}, payload) VALUES ('{BOOK_CHANGED}', '{book}', NULL)"
    );
    program.execute(&sql).await.expect("published");
}

/// Every lane passes all that was recorded until now: a heartbeat made later is caught up with.
async fn pass(world: &World, relay: &mut Relay<Sound>, rules: Break) {
    let mut source = World::ground(&world.shop.catalog).await;
    let now = clock(&mut source).await.expect("the source's clock");
    tokio::time::sleep(world.options.tick).await;
    drain(relay).await;
    let caught_up = || async { heard(world).await > now };
    until(applier(world, rules).await, caught_up).await;
    assert!(heard(world).await > now, "it caught up");
}

async fn heard(world: &World) -> i64 {
    let mut ground = World::ground(&world.shop.orders).await;
    let sql = "SELECT max(ticked_at) FROM freehold_freshness";
    let rows = ground.connection.query(sql, &[]).await.expect("read");
    rows[0][0].int().unwrap_or(0)
}

/// The copy is filled from today's rows once more.
async fn fill_anew(world: &World, rules: Break) {
    let mut ground = World::ground(&world.shop.orders).await;
    let sql = "UPDATE freehold_fill SET state = 'wanted'";
    ground.connection.execute(sql).await.expect("wanted");
    let applier = applier(world, rules).await;
    let filled = until(applier, || async { is_filled(world).await }).await;
    assert_eq!(filled.fills()["book_cache"].state, FillState::Done);
}

async fn is_filled(world: &World) -> bool {
    let mut ground = World::ground(&world.shop.orders).await;
    let sql = "SELECT count(*) FROM freehold_fill WHERE state = 'done'";
    let rows = ground.connection.query(sql, &[]).await.expect("read");
    rows[0][0].int() == Some(1)
}

/// What the copy has after a parked event was mended and tried again, of a book that is gone.
async fn a_parked_key(kind: EngineKind, rules: Break) -> Option<Vec<(i64, String, i64)>> {
    let world = World::on(kind).await?;
    let mut program = world.program().await;
    let mut relay = world.relay::<Sound>().await;
    for book in [1, 2, 3] {
        write(&mut *program, book, 1).await;
    }
    drain(&mut relay).await;
    let three = vec![row(1, 1), row(2, 1), row(3, 1)];
    until(applier(&world, rules).await, || async {
        world.copy().await == three && is_filled(&world).await
    })
    .await;
    // Refused by the copy's table, and so parked; the program has no such book any more.
    let sql = "DELETE FROM books WHERE book_id < 3";
    program.execute(sql).await.expect("by hand");
    change(&mut *program, 1, -1).await;
    gone(&mut *program, 2).await;
    drain(&mut relay).await;
    let source = world.shop.catalog.want.service.clone();
    let mut store = World::ground(&world.shop.orders).await;
    let parked = until(applier(&world, rules).await, || async {
        let mut store = World::ground(&world.shop.orders).await;
        let parked = dead(&mut store, &source, None).await;
        parked.is_ok_and(|parked| parked.len() == 1) && world.copy().await == [row(1, 1), row(3, 1)]
    })
    .await;
    drop(parked);
    fill_anew(&world, rules).await;
    assert_eq!(world.copy().await, [row(3, 1)], "{kind}");
    pass(&world, &mut relay, rules).await;
    assert!(!stones(&world).await.contains(&"2".to_owned()), "{kind}");
    let copies = world.consumer().copies;
    let place = (source.as_str(), "1");
    edit(&mut store, place, &payload(1, 1), "ann")
        .await
        .expect("edit");
    let tried = retry(&mut store, &copies, place, "ann").await;
    assert_eq!(tried.expect("retry").left, 0, "{kind}");
    let copy = world.copy().await;
    // Nothing stands still any more: the stone goes, and what is said from now on counts.
    pass(&world, &mut relay, rules).await;
    assert!(stones(&world).await.is_empty(), "{kind}");
    change(&mut *program, 1, 7).await;
    drain(&mut relay).await;
    let end = vec![row(1, 7), row(3, 1)];
    until(applier(&world, rules).await, || async {
        world.copy().await == end
    })
    .await;
    assert_eq!(world.copy().await, end, "{kind}");
    Some(copy)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_parked_key_it_stays() {
    for kind in ENGINES {
        if let Some(copy) = a_parked_key(kind, NONE).await {
            assert_eq!(copy, [row(3, 1)], "{kind}");
        }
    }
    // The mutant brings back what its source does not have.
    if let Some(copy) = a_parked_key(EngineKind::Sqlite, ALSO_PARKED).await {
        assert_eq!(copy, [row(1, 1), row(3, 1)]);
    }
}

/// What the copy has when one event is older than its key's tombstone, and one has none.
async fn an_older_event(kind: EngineKind, rules: Break) -> Option<Vec<(i64, String, i64)>> {
    let world = World::on(kind).await?;
    let mut program = world.program().await;
    let mut relay = world.relay::<Sound>().await;
    write(&mut *program, 3, 1).await;
    drain(&mut relay).await;
    let filled = || async { world.copy().await == [row(3, 1)] && is_filled(&world).await };
    until(applier(&world, rules).await, filled).await;
    // Of what the source says in a while: no lane can have passed it.
    put_stone(&world, 8).await;
    pass(&world, &mut relay, rules).await;
    change(&mut *program, 8, 1).await;
    change(&mut *program, 9, 1).await;
    pass(&world, &mut relay, rules).await;
    Some(world.copy().await)
}

/// Above every position of today.
async fn put_stone(world: &World, book: i64) {
    let mut store = World::ground(&world.shop.orders).await;
    let stamp = "9999999999-00000001-0000000000000001-8000000000000001";
    let sql = format!("INSERT INTO freehold_tombstone VALUES ('book_cache', '{book}', '{stamp}')");
    store.connection.execute(&sql).await.expect("a tombstone");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_stays_until_all_lanes_have_passed_it() {
    for kind in ENGINES {
        if let Some(copy) = an_older_event(kind, NONE).await {
            assert_eq!(copy, [row(3, 1), row(9, 1)], "{kind}");
        }
    }
    // The mutant brings back what is gone.
    if let Some(copy) = an_older_event(EngineKind::Sqlite, AT_ONCE).await {
        assert_eq!(copy, [row(3, 1), row(8, 1), row(9, 1)]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_life_that_is_gone_it_goes_with_the_fill() {
    for kind in ENGINES {
        let Some(world) = World::on(kind).await else {
            continue;
        };
        let mut program = world.program().await;
        let mut relay = world.relay::<Sound>().await;
        write(&mut *program, 3, 1).await;
        drain(&mut relay).await;
        let filled = || async { world.copy().await == [row(3, 1)] && is_filled(&world).await };
        until(applier(&world, NONE).await, filled).await;
        // Its source was put back since, and its clock too: that life's positions were higher.
        put_stone(&world, 3).await;
        write(&mut *program, 3, 2).await;
        drain(&mut relay).await;
        fill_anew(&world, NONE).await;
        assert!(stones(&world).await.is_empty(), "{kind}");
        write(&mut *program, 3, 3).await;
        drain(&mut relay).await;
        let end = vec![row(3, 3)];
        until(applier(&world, NONE).await, || async {
            world.copy().await == end
        })
        .await;
        assert_eq!(world.copy().await, end, "{kind}");
    }
}
