//! What an operator leaves out is left out, and seen to be: until a later event of the key, a fill,
//! or an operator who says that the copy is right.

use std::sync::Arc;
use std::time::Instant;

use freehold_broker::Lane;
use freehold_engine::BoxFuture;
use freehold_events::operate::{dead, head, left_out, settle, skip, skip_range};
use freehold_events::peer::{Answer, Ask, Peers};
use freehold_events::{Applier, LostRange, Sound, Which, survey};

use crate::peer::{Direct, row, until};
use crate::world::{ENGINES, PATIENCE, World, change, drain};

/// An owner that has pruned its outbox and has no `snapshot:`.
struct Forgetful(Direct);

impl Peers for Forgetful {
    fn ask<'a>(&'a self, of: &'a str, ask: Ask) -> BoxFuture<'a, freehold_events::Result<Answer>> {
        Box::pin(async move {
            Ok(match ask {
                Ask::Missed { .. } => Answer::Missed {
                    events: Vec::new(),
                    next: None,
                },
                Ask::Today { .. } => Answer::Nothing,
                Ask::Standing { .. } => match self.0.ask(of, ask).await? {
                    Answer::Standing(mut standing) => {
                        standing.snapshot = false;
                        Answer::Standing(standing)
                    }
                    other => other,
                },
            })
        })
    }
}

async fn applier(world: &World) -> Applier {
    let peers: Arc<dyn Peers> = Arc::new(Forgetful(Direct(world.owner())));
    world.applier().await.with_peers(Some(peers))
}

/// Lets an applier work until it says that something is lost: what it says.
async fn lost(mut applier: Applier) -> (freehold_model::Fault, LostRange) {
    let (stopper, mut stop) = tokio::sync::watch::channel(false);
    let mut said = None;
    let mut tell = |fault: Option<freehold_model::Fault>| {
        if let Some(fault) = fault {
            said = Some(fault);
            let _ = stopper.send(true);
        }
    };
    let ran = tokio::time::timeout(PATIENCE, applier.run_telling(&mut stop, &mut tell)).await;
    ran.expect("it says so").expect("the applier");
    let seen = applier.seen();
    let ((topic, lane), upto) = seen.lost.first_key_value().expect("a lost range");
    let range = LostRange {
        topic: topic.clone(),
        lane: Lane::new(*lane).expect("a lane"),
        upto: *upto,
    };
    (said.expect("it was said"), range)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_that_nobody_has_is_left_out_and_told() {
    for kind in ENGINES {
        let Some(world) = World::on(kind).await else {
            continue;
        };
        let mut program = world.program().await;
        let mut relay = world.relay::<Sound>().await;
        change(&mut *program, 1, 1).await;
        drain(&mut relay).await;
        let one = vec![row(1, 1)];
        until(applier(&world).await, || async {
            world.copy().await == one
        })
        .await;
        change(&mut *program, 1, 2).await;
        drain(&mut relay).await;
        world.memory.lose(|_| true);
        change(&mut *program, 1, 3).await;
        drain(&mut relay).await;
        let (fault, range) = lost(applier(&world).await).await;
        assert_eq!(fault.code, "FH3906", "{kind}");
        let said = fault.help.join(" ");
        assert!(said.contains(&range.to_string()), "{kind}: {said}");
        assert_eq!(world.copy().await, one, "{kind}: it waits");

        let source = world.shop.catalog.want.service.clone();
        let mut owner = World::ground(&world.shop.catalog).await;
        let stands = head(&mut owner, &range.topic, range.lane).await;
        assert!(stands.expect("read") > Some(range.upto), "{kind}");
        let mut store = World::ground(&world.shop.orders).await;
        let skipped = skip_range(&mut store, &source, &range, "ann").await;
        skipped.expect("the store").expect("left out");
        let again = skip_range(&mut store, &source, &range, "ann").await;
        assert!(
            again.expect("the store").is_err(),
            "{kind}: nothing is lost"
        );
        let end = vec![row(1, 3)];
        until(applier(&world).await, || async {
            world.copy().await == end
        })
        .await;
        assert_eq!(world.copy().await, end, "{kind}");

        // The range had keys that nobody knows.
        let copies = world.consumer().copies;
        let seen = survey(&mut store, &copies).await.expect("survey");
        let why = seen[0].not_current(seen[0].ticked_at, i64::MAX);
        assert_eq!(why.as_deref(), Some("left out: 1"), "{kind}");
        let which = Which::Range(&range);
        let settled = settle(&mut store, &source, &which, "ann").await;
        assert_eq!(settled.expect("the store"), 1, "{kind}");
        let seen = survey(&mut store, &copies).await.expect("survey");
        assert_eq!(seen[0].left_out, 0, "{kind}");
        let notes = "SELECT count(*) FROM freehold_note WHERE who = 'ann'";
        let notes = store.connection.query(notes, &[]).await.expect("notes");
        assert_eq!(notes[0][0].int(), Some(2), "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_not_current_until_its_next_event() {
    for kind in ENGINES {
        let Some(world) = World::on(kind).await else {
            continue;
        };
        let mut program = world.program().await;
        let mut relay = world.relay::<Sound>().await;
        change(&mut *program, 1, -1).await;
        change(&mut *program, 2, 1).await;
        drain(&mut relay).await;
        let source = world.shop.catalog.want.service.clone();
        let is_parked = || async {
            let mut store = World::ground(&world.shop.orders).await;
            let parked = dead(&mut store, &source, None).await;
            parked.is_ok_and(|parked| parked.len() == 1)
        };
        drop(until(world.applier().await, is_parked).await);
        let mut store = World::ground(&world.shop.orders).await;
        let copies = world.consumer().copies;
        let tried = skip(&mut store, &copies, (&source, "1"), "ann").await;
        let tried = tried.expect("skip").expect("one");
        assert_eq!((tried.applied, tried.left), (0, 0), "{kind}");
        let left = left_out(&mut store, &source).await.expect("read");
        assert_eq!(left.len(), 1, "{kind}");
        assert_eq!(left[0].key, "1", "{kind}");
        assert!(left[0].cause.starts_with("left out by ann"), "{left:?}");
        // Another key's event does not make it good; the key's own does, in its transaction.
        for (book, version, stays) in [(2, 2, 1), (1, 5, 0)] {
            change(&mut *program, book, version).await;
            drain(&mut relay).await;
            let begun = Instant::now();
            let came = || async {
                world.copy().await.contains(&row(book, version)) || begun.elapsed() > PATIENCE
            };
            drop(until(world.applier().await, came).await);
            let seen = survey(&mut store, &copies).await.expect("survey");
            assert_eq!((seen[0].parked, seen[0].left_out), (0, stays), "{kind}");
        }
    }
}
