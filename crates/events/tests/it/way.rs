//! From a program's transaction to another service's copy.

use std::sync::atomic::Ordering;

use freehold_engine::TxMode;
use freehold_events::Sound;
use freehold_events::operate::dead;

use crate::world::{ENGINES, World, change, drain, payload, publish};

/// What the applier has seen when `done`.
async fn until<F: Future<Output = bool>>(
    world: &World,
    done: impl Fn() -> F,
) -> freehold_events::Seen {
    let applier = crate::peer::until(world.applier().await, done).await;
    applier.seen().clone()
}

/// How many events stand still at the consumer.
async fn parked(world: &World) -> usize {
    let mut store = World::ground(&world.shop.orders).await;
    let parked = dead(&mut store, &world.shop.catalog.want.service, None).await;
    parked.expect("parked events").len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_reaches_the_copy() {
    for kind in ENGINES {
        let Some(world) = World::on(kind).await else {
            continue;
        };
        let mut program = world.program().await;
        for (book, version) in [(1, 1), (2, 1), (1, 2), (3, 1), (2, 2), (1, 3)] {
            change(&mut *program, book, version).await;
        }
        // Rolled back: never happened.
        program.begin(TxMode::Write).await.expect("begin");
        publish(&mut *program, 9, &payload(9, 1))
            .await
            .expect("publish");
        program.rollback().await.expect("rollback");
        let mut relay = world.relay::<Sound>().await;
        drain(&mut relay).await;
        let expected = vec![
            (1, "Title 3".to_owned(), 3),
            (2, "Title 2".to_owned(), 2),
            (3, "Title 1".to_owned(), 1),
        ];
        let seen = until(&world, || async { world.copy().await == expected }).await;
        assert_eq!(world.copy().await, expected, "{kind}");
        assert_eq!((seen.applied, seen.parked), (6, 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn poison_parks_its_key_and_nothing_else() {
    for kind in ENGINES {
        let Some(world) = World::on(kind).await else {
            continue;
        };
        let mut program = world.program().await;
        change(&mut *program, 1, 1).await;
        // The store's own rule refuses it.
        change(&mut *program, 2, -5).await;
        change(&mut *program, 3, 1).await;
        publish(&mut *program, 4, "{\"title\": \"no id\"}")
            .await
            .expect("publish");
        publish(&mut *program, 5, &"\"x\"".replace('x', &"y".repeat(2_000)))
            .await
            .expect("publish");
        change(&mut *program, 6, 1).await;
        world.memory.limit.store(1_000, Ordering::Relaxed);
        let mut relay = world.relay::<Sound>().await;
        drain(&mut relay).await;
        let expected: Vec<(i64, String, i64)> = [1, 3, 6]
            .map(|book| (book, "Title 1".to_owned(), 1))
            .to_vec();
        let seen = until(&world, || async {
            world.copy().await == expected && parked(&world).await == 3
        })
        .await;
        assert_eq!(world.copy().await, expected, "{kind}");
        assert_eq!((seen.applied, seen.parked), (3, 3), "{kind}");
        // What comes later of a parked key waits behind it.
        change(&mut *program, 2, 7).await;
        change(&mut *program, 1, 2).await;
        drain(&mut relay).await;
        let first = |books: &[(i64, String, i64)]| books[0].2;
        let seen = until(&world, || async {
            first(&world.copy().await) == 2 && parked(&world).await == 4
        })
        .await;
        assert_eq!(world.copy().await.len(), 3, "{kind}");
        assert_eq!((seen.applied, seen.parked), (1, 1), "{kind}");
    }
}
