//! What an operator does about parked events, beside an applier that runs.

use freehold_events::operate::{dead, edit, retry, skip};
use freehold_events::{Subscribed, survey};

use crate::peer::until;
use crate::world::{ENGINES, PATIENCE, World, change, drain, payload, publish};

fn copies(world: &World) -> Vec<Subscribed> {
    let orders = &world.shop.system.services[&world.shop.orders.want.service];
    let copies = orders.copies.iter();
    copies
        .map(|(table, copy)| Subscribed {
            table: table.clone(),
            topic: world.topic(),
            copy: copy.clone(),
        })
        .collect()
}

fn row(book: i64, version: i64) -> (i64, String, i64) {
    (book, format!("Title {version}"), version)
}

#[tokio::test(flavor = "multi_thread")]
async fn parked_events_are_mended_tried_again_or_left_out() {
    for kind in ENGINES {
        let Some(world) = World::on(kind).await else {
            continue;
        };
        let mut program = world.program().await;
        let mut relay = world.relay::<freehold_events::Sound>().await;
        // Refused, of two books; of one batch only the last change of a book counts.
        for (book, version) in [(1, -1), (2, -1), (3, 1)] {
            change(&mut *program, book, version).await;
        }
        publish(&mut *program, 4, "{\"title\": \"no id\"}")
            .await
            .expect("publish");
        drain(&mut relay).await;
        let source = world.shop.catalog.want.service.clone();
        let parked = |count: usize| {
            let (world, source) = (&world, &source);
            async move {
                let mut store = World::ground(&world.shop.orders).await;
                let found = dead(&mut store, source, None).await;
                found.is_ok_and(|found| found.len() == count) && world.copy().await == [row(3, 1)]
            }
        };
        drop(until(world.applier().await, || parked(3)).await);
        // These wait behind them; of book 2 the first would be refused, too.
        for (book, version) in [(1, 2), (2, -2), (2, 3)] {
            change(&mut *program, book, version).await;
        }
        drain(&mut relay).await;
        drop(until(world.applier().await, || parked(6)).await);
        // A sidecar of the service as the operator's, beside the applier's own.
        let mut store = World::ground(&world.shop.orders).await;
        let copies = copies(&world);
        let all = dead(&mut store, &source, None).await.expect("dead");
        assert_eq!(all.len(), 6, "{kind}: {all:?}");
        let seen = survey(&mut store, &copies).await.expect("survey");
        assert_eq!(
            (seen[0].parked, seen[0].source.as_str()),
            (3, source.as_str()),
            "{kind}"
        );

        let running = world.applier().await;
        let refused = retry(&mut store, &copies, (&source, "1"), "ann")
            .await
            .expect("retry");
        assert_eq!((refused.applied, refused.left), (0, 2), "{kind}");
        assert!(refused.refused.is_some(), "{kind}");
        // The applier that led before notices, and touches nothing any more.
        let (_stopper, mut stop) = tokio::sync::watch::channel(false);
        let mut running = running;
        change(&mut *program, 3, 2).await;
        drain(&mut relay).await;
        let ended = tokio::time::timeout(PATIENCE, running.run(&mut stop)).await;
        let ended = ended
            .expect("it ends by itself")
            .expect_err("it lost its leadership");
        assert_eq!(ended.fault().code, "FH3901", "{kind}");
        drop(running);

        let place = (source.as_str(), "1");
        let edited = edit(&mut store, place, &payload(1, 1), "ann")
            .await
            .expect("edit");
        assert!(edited.is_some(), "{kind}");
        let tried = retry(&mut store, &copies, place, "ann")
            .await
            .expect("retry");
        assert_eq!(
            (tried.applied, tried.left, tried.refused),
            (2, 0, None),
            "{kind}"
        );
        let place = (source.as_str(), "2");
        let tried = skip(&mut store, &copies, place, "ann")
            .await
            .expect("skip")
            .expect("one");
        assert_eq!((tried.applied, tried.left), (0, 2), "{kind}");
        let tried = skip(&mut store, &copies, place, "ann")
            .await
            .expect("skip")
            .expect("one");
        assert_eq!(
            (tried.applied, tried.left, tried.refused),
            (1, 0, None),
            "{kind}"
        );
        let nothing = skip(&mut store, &copies, place, "ann").await.expect("skip");
        assert_eq!(nothing, None, "{kind}");

        // Keys that stood still flow again.
        change(&mut *program, 1, 5).await;
        change(&mut *program, 2, 5).await;
        drain(&mut relay).await;
        let end = vec![row(1, 5), row(2, 5), row(3, 2)];
        drop(
            until(world.applier().await, || async {
                world.copy().await == end
            })
            .await,
        );
        assert_eq!(world.copy().await, end, "{kind}");
        let notes = "SELECT count(*) FROM freehold_note WHERE who = 'ann'";
        let notes = store.connection.query(notes, &[]).await.expect("notes");
        // Edited once, skipped twice, applied three.
        assert_eq!(notes[0][0].int(), Some(6), "{kind}");
    }
}
