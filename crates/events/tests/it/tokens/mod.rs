//! Tokens: what is called reached is to be seen. The trial has three services, delays, keys that stand
//! still, a broker that is away, and parts that die; each clause of the decision has a mutant.
//!
//! `FREEHOLD_TOKEN_TRIALS=N` makes so many trials on each engine.

mod trial;
mod trio;

use std::sync::atomic::Ordering;
use std::time::Duration;

use freehold_engine::{TxMode, Value};
use freehold_events::operate::skip;
use freehold_events::token::{Reached, Token, look};
use freehold_events::{Ground, Sound};

use crate::peer::{asking, put_book, until};
use crate::world::{ENGINES, PATIENCE, World, drain, payload};
use trio::{Scene, Written, clock, write_book};

/// Looks with this clause of the decision broken.
async fn broken(ground: &mut Ground, token: &Token, from: &str, to: &str) -> Reached {
    let sound = ground.sql.reached.clone();
    ground.sql.reached = sound.replace(from, to);
    assert_ne!(ground.sql.reached, sound, "the mutant is none: {from}");
    let reached = look(ground, token).await.expect("a look");
    ground.sql.reached = sound;
    reached
}

async fn until_it_is(ground: &mut Ground, token: &Token, wanted: &Reached) {
    let begun = std::time::Instant::now();
    loop {
        let reached = look(ground, token).await.expect("a look");
        if reached == *wanted {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{reached:?}, not {wanted:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_clause_keeps_from_saying_so_too_early() {
    for kind in ENGINES {
        let Some(scene) = Scene::on(kind).await else {
            continue;
        };
        let parts = scene.parts();
        let mut program = scene.program(&scene.trio.catalog).await;
        let mut orders = World::ground(&scene.trio.orders).await;
        let mut search = World::ground(&scene.trio.search).await;
        let source = scene.trio.catalog.want.service.clone();
        // A first one, and the heartbeat behind it.
        let first = write_book(&mut *program, 1, 1).await;
        let all = Token::parse(&first.all(&source)).expect("a token");
        until_it_is(&mut orders, &all, &Reached::Yes).await;
        let named = Token::parse(&first.named(&source)).expect("a token");
        assert_eq!(
            look(&mut orders, &named).await.expect("a look"),
            Reached::Yes
        );

        scene.memory.down.store(true, Ordering::Relaxed);
        let second = write_book(&mut *program, 1, 2).await;
        let named = Token::parse(&second.named(&source)).expect("a token");
        let all = Token::parse(&second.all(&source)).expect("a token");
        for token in [&named, &all] {
            let reached = look(&mut orders, token).await.expect("a look");
            assert_eq!(reached, Reached::Waiting, "{kind}");
        }
        let noted = ("WHEN p.how = 'applied'", "WHEN 1 = 1");
        let mutant = broken(&mut orders, &named, noted.0, noted.1).await;
        assert_eq!(mutant, Reached::Yes, "{kind}: without the note");
        let beat = (
            "h.ticked_at <= i.t + 1000",
            "h.ticked_at <= i.t - 3600000000",
        );
        let mutant = broken(&mut orders, &all, beat.0, beat.1).await;
        assert_eq!(mutant, Reached::Yes, "{kind}: an older heartbeat");
        scene.memory.down.store(false, Ordering::Relaxed);
        until_it_is(&mut search, &named, &Reached::Yes).await;

        // What a read model still lacks stands in its work. The applier must not do it meanwhile.
        parts.stop().await;
        let work = search.sql.read_work.put.clone();
        let version = search.sql.read_models["order_books"].version.clone();
        let args = [version.into(), Value::I64(-1), "".into()];
        search.connection.run(&work, &args).await.expect("work");
        let reached = look(&mut search, &named).await.expect("a look");
        assert_eq!(reached, Reached::Waiting, "{kind}");
        let open = scene.trio.search.want.spot.own("read_work");
        let clause = search.sql.reached.lines().find(|line| line.contains(&open));
        let clause = clause.expect("the clause of read models").to_owned();
        let mutant = broken(&mut search, &named, &clause, "").await;
        assert_eq!(mutant, Reached::Yes, "{kind}: without the read models");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_stand_still_are_named_and_events_left_out_too() {
    for kind in ENGINES {
        let Some(scene) = Scene::on(kind).await else {
            continue;
        };
        let parts = scene.parts();
        let mut program = scene.program(&scene.trio.catalog).await;
        let mut orders = World::ground(&scene.trio.orders).await;
        let source = scene.trio.catalog.want.service.clone();
        let token_of = |text: &str| Token::parse(text).expect("a token");
        let refused = write_book(&mut *program, 5, -1).await;
        let parked = |key: &str| Reached::Parked {
            source: source.clone(),
            key: key.to_owned(),
        };
        let token = token_of(&refused.named(&source));
        until_it_is(&mut orders, &token, &parked("5")).await;
        let behind = write_book(&mut *program, 5, 2).await;
        let token = token_of(&behind.named(&source));
        until_it_is(&mut orders, &token, &parked("5")).await;
        let all = token_of(&behind.all(&source));
        until_it_is(&mut orders, &all, &parked("")).await;
        let clause = "WHEN i.e = '' AND EXISTS";
        let mutant = broken(&mut orders, &all, clause, "WHEN 1 = 0 AND EXISTS").await;
        assert_eq!(
            mutant,
            Reached::Yes,
            "{kind}: keys that stand still forgotten"
        );

        let copies = scene.consumer(&scene.trio.orders).copies;
        let mut operator = World::ground(&scene.trio.orders).await;
        let place = (source.as_str(), "5");
        let skipped = skip(&mut operator, &copies, place, "ann").await;
        assert!(skipped.expect("skip").is_some(), "{kind}");
        let token = token_of(&behind.named(&source));
        until_it_is(&mut orders, &token, &Reached::Yes).await;
        let left_out = Reached::Skipped {
            source: source.clone(),
            event: refused.event.clone(),
        };
        let token = token_of(&refused.named(&source));
        assert_eq!(look(&mut orders, &token).await.expect("a look"), left_out);

        // Of an event without the header nothing is noted, and the heartbeat tells that it passed.
        program.begin(TxMode::Write).await.expect("begin");
        crate::world::publish(&mut *program, 6, &payload(6, 1))
            .await
            .expect("publish");
        program.commit().await.done().expect("commit");
        let unnoted = Written {
            at: clock(&mut *program).await,
            ..behind
        };
        until_it_is(&mut orders, &token_of(&unnoted.all(&source)), &Reached::Yes).await;
        let event = "00000000-0000-4000-8000-000000000000".to_owned();
        let never = Written { event, ..unnoted };
        let lost = Reached::Lost {
            source: source.clone(),
            event: never.event.clone(),
        };
        until_it_is(&mut orders, &token_of(&never.named(&source)), &lost).await;
        // Nobody here keeps a copy of that.
        let elsewhere = token_of(&never.named("another_service"));
        let reached = look(&mut orders, &elsewhere).await.expect("a look");
        assert_eq!(reached, Reached::Yes, "{kind}");
        parts.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_first_fill_told_of_is_reached() {
    for kind in ENGINES {
        let Some(world) = World::on(kind).await else {
            continue;
        };
        let mut program = world.program().await;
        put_book(&mut *program, 1, 1).await;
        let written = write_book(&mut *program, 1, 1).await;
        let source = world.shop.catalog.want.service.clone();
        let mut relay = world.relay::<Sound>().await;
        drain(&mut relay).await;
        assert_eq!(world.memory.lose(|_| true), 1, "{kind}");
        let token = Token::parse(&written.named(&source)).expect("a token");
        let mut orders = World::ground(&world.shop.orders).await;
        assert_eq!(
            look(&mut orders, &token).await.expect("a look"),
            Reached::Waiting
        );
        // The heartbeats that came before the copy was filled say nothing of it.
        let filled = until(asking(&world).await, || async {
            world.copy().await.len() == 1
        });
        drop(filled.await);
        tokio::time::sleep(world.options.tick).await;
        drain(&mut relay).await;
        let reached = || async {
            let mut store = World::ground(&world.shop.orders).await;
            look(&mut store, &token).await.expect("a look") == Reached::Yes
        };
        drop(until(asking(&world).await, reached).await);
        assert!(reached().await, "{kind}");
    }
}
