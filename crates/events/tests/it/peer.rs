//! What a consumer's sidecar asks of the owner's: lost events, first fills, and the truth after a
//! restore.

use std::sync::Arc;
use std::time::{Duration, Instant};

use freehold_engine::{BoxFuture, Connection, TxMode};
use freehold_events::peer::{Answer, Ask, Owner, Peers, Sockets, serve};
use freehold_events::{Applier, FillState, Sound};

use crate::world::{ENGINES, PATIENCE, World, change, drain, payload, publish};

/// The owner in the same process.
pub(crate) struct Direct(pub(crate) Arc<Owner>);

impl Peers for Direct {
    fn ask<'a>(&'a self, _: &'a str, ask: Ask) -> BoxFuture<'a, freehold_events::Result<Answer>> {
        Box::pin(async move { Ok(self.0.answer(ask).await) })
    }
}

/// Lets an applier work until `done`, or for as long as one can wait.
pub(crate) async fn until<F: Future<Output = bool>>(
    mut applier: Applier,
    done: impl Fn() -> F,
) -> Applier {
    let (stopper, mut stop) = tokio::sync::watch::channel(false);
    let watch = async {
        let begun = Instant::now();
        while !done().await && begun.elapsed() < PATIENCE {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let _ = stopper.send(true);
    };
    let (ran, ()) = tokio::join!(Box::pin(applier.run(&mut stop)), watch);
    ran.expect("the applier");
    applier
}

pub(crate) async fn asking(world: &World) -> Applier {
    let peers: Arc<dyn Peers> = Arc::new(Direct(world.owner()));
    world.applier().await.with_peers(Some(peers))
}

/// A book as the program has it, without an event.
pub(crate) async fn put_book(program: &mut dyn Connection, book: i64, version: i64) {
    let sql = match program.probe().product {
        "MariaDB" | "MySQL" => "REPLACE INTO books (book_id, title, version) VALUES (?, ?, ?)",
        _ => {
            "INSERT INTO books (book_id, title, version) VALUES ($1, $2, $3)
 ON CONFLICT (book_id) DO UPDATE SET title = excluded.title, version = excluded.version"
        }
    };
    let args = [
        book.into(),
        format!("Title {version}").into(),
        version.into(),
    ];
    program.run(sql, &args).await.expect("a book");
}

/// A book and its event in one transaction.
pub(crate) async fn write(program: &mut dyn Connection, book: i64, version: i64) {
    program.begin(TxMode::Write).await.expect("begin");
    put_book(program, book, version).await;
    publish(program, book, &payload(book, version))
        .await
        .expect("publish");
    program.commit().await.done().expect("commit");
}

pub(crate) fn row(book: i64, version: i64) -> (i64, String, i64) {
    (book, format!("Title {version}"), version)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_broker_lost_is_fetched() {
    for kind in ENGINES {
        let Some(world) = World::on(kind).await else {
            continue;
        };
        let mut program = world.program().await;
        let mut relay = world.relay::<Sound>().await;
        write(&mut *program, 1, 1).await;
        drain(&mut relay).await;
        let one = vec![row(1, 1)];
        until(asking(&world).await, || async { world.copy().await == one }).await;
        for version in 2..=9 {
            for book in 1..=20 {
                write(&mut *program, book, version).await;
            }
            drain(&mut relay).await;
        }
        let lost = world
            .memory
            .lose(|message| message.position.batch % 3 == 0 || message.key == "7");
        assert!(lost > 20, "{kind}: {lost}");
        // What is behind a loss tells of it, or the next heartbeat: of one key the last is lost too.
        for book in 1..=20 {
            write(&mut *program, book, 10).await;
        }
        drain(&mut relay).await;
        world.memory.lose(|message| message.key == "7");
        tokio::time::sleep(world.options.tick).await;
        drain(&mut relay).await;
        let all: Vec<_> = (1..=20).map(|book| row(book, 10)).collect();
        // Nobody to ask: what follows the loss is not applied.
        let mut alone = world.applier().await;
        let begun = Instant::now();
        while alone.seen().behind.is_empty() && begun.elapsed() < PATIENCE {
            let short = Instant::now();
            let passed = || async { short.elapsed() > Duration::from_millis(300) };
            alone = until(alone, passed).await;
        }
        assert!(
            !alone.seen().behind.is_empty(),
            "{kind}: {:?}",
            alone.seen()
        );
        assert_ne!(world.copy().await, all, "{kind}");
        drop(alone);
        let healed = until(asking(&world).await, || async { world.copy().await == all }).await;
        assert_eq!(world.copy().await, all, "{kind}: {:?}", healed.seen());
        assert!(healed.seen().fetched > 0, "{kind}: {:?}", healed.seen());
        assert!(healed.seen().behind.is_empty(), "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_copy_is_filled_and_goes_on() {
    for kind in ENGINES {
        let Some(world) = World::on(kind).await else {
            continue;
        };
        let mut program = world.program().await;
        let mut relay = world.relay::<Sound>().await;
        // Older than the outbox: no event tells of these.
        program.begin(TxMode::Write).await.expect("begin");
        for book in 1..=2_300 {
            put_book(&mut *program, book, 1).await;
        }
        program.commit().await.done().expect("commit");
        for book in 1..=30 {
            write(&mut *program, book, 2).await;
        }
        drain(&mut relay).await;
        world.memory.lose(|_| true);
        let copied = |count: usize| {
            let world = &world;
            async move { world.copy().await.len() == count }
        };
        // Dies after its first ranges; the next one goes on behind them.
        let first = until(asking(&world).await, || async {
            !world.copy().await.is_empty()
        })
        .await;
        drop(first);
        let second = until(asking(&world).await, || copied(2_300)).await;
        let fill = &second.fills()["book_cache"];
        assert_eq!(fill.rows, 2_300, "{kind}: {fill:?}");
        drop(second);
        // While a range is read and after it, events go on.
        for book in 25..=40 {
            write(&mut *program, book, 3).await;
        }
        drain(&mut relay).await;
        let third = until(asking(&world).await, || async {
            (25..=40)
                .map(|book| row(book, 3))
                .eq(world.copy().await.drain(24..40))
        })
        .await;
        assert_eq!(third.fills()["book_cache"].state, FillState::Done, "{kind}");
        let copy = world.copy().await;
        assert_eq!(copy[0], row(1, 2), "{kind}");
        assert_eq!(copy[24], row(25, 3), "{kind}");
        assert_eq!(copy[2_299], row(2_300, 1), "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_source_is_believed() {
    for kind in ENGINES {
        let Some(world) = World::on(kind).await else {
            continue;
        };
        let mut program = world.program().await;
        let mut relay = world.relay::<Sound>().await;
        for book in 1..=5 {
            write(&mut *program, book, 1).await;
        }
        drain(&mut relay).await;
        drop(relay);
        let backup = outbox_state(&world).await;
        let mut relay = world.relay::<Sound>().await;
        for (book, version) in [(2, 2), (2, 3), (6, 1)] {
            write(&mut *program, book, version).await;
            drain(&mut relay).await;
        }
        drop(relay);
        let ghosts = [
            row(1, 1),
            row(2, 3),
            row(3, 1),
            row(4, 1),
            row(5, 1),
            row(6, 1),
        ];
        until(asking(&world).await, || async {
            world.copy().await == ghosts
        })
        .await;
        restore(&world, &backup).await;
        let mut relay = world.relay::<Sound>().await;
        write(&mut *program, 3, 2).await;
        drain(&mut relay).await;
        let truth = vec![row(1, 1), row(2, 1), row(3, 2), row(4, 1), row(5, 1)];
        let applier = until(asking(&world).await, || async {
            world.copy().await == truth
        })
        .await;
        assert_eq!(world.copy().await, truth, "{kind}: {:?}", applier.seen());
        drop(applier);
        // What comes next of a key whose last event is gone follows what survived.
        write(&mut *program, 2, 2).await;
        write(&mut *program, 6, 1).await;
        drain(&mut relay).await;
        let truth = vec![
            row(1, 1),
            row(2, 2),
            row(3, 2),
            row(4, 1),
            row(5, 1),
            row(6, 1),
        ];
        let applier = until(asking(&world).await, || async {
            world.copy().await == truth
        })
        .await;
        assert_eq!(world.copy().await, truth, "{kind}: {:?}", applier.seen());
        assert!(applier.seen().forks.is_empty(), "{kind}");
    }
}

/// What a backup has of the relay's work.
pub(crate) struct Backup {
    pub(crate) life: i64,
    batch: i64,
    pub(crate) id: i64,
    heads: String,
}

pub(crate) async fn outbox_state(world: &World) -> Backup {
    let mut ground = World::ground(&world.shop.catalog).await;
    ground.connection.begin(TxMode::Relay).await.expect("begin");
    let sql =
        "SELECT (SELECT max(batch) FROM freehold_batch), (SELECT max(id) FROM freehold_outbox),
 (SELECT heads FROM freehold_head WHERE topic = 'book.changed.v1'),
 (SELECT max(number) FROM freehold_incarnation)";
    let rows = ground.connection.query(sql, &[]).await.expect("read");
    ground.connection.rollback().await.expect("rollback");
    Backup {
        life: rows[0][3].int().expect("a number"),
        batch: rows[0][0].int().expect("a batch"),
        id: rows[0][1].int().expect("an id"),
        heads: rows[0][2].text().expect("heads").to_owned(),
    }
}

/// As if the backup had been put back: rows, outbox and the relay's records.
pub(crate) async fn restore(world: &World, backup: &Backup) {
    let mut ground = World::ground(&world.shop.catalog).await;
    let store = &mut ground.connection;
    store.begin(TxMode::Relay).await.expect("begin");
    let statements = [
        format!("DELETE FROM freehold_batch WHERE batch > {}", backup.batch),
        format!(
            "DELETE FROM freehold_incarnation WHERE number > {}",
            backup.life
        ),
        "UPDATE freehold_incarnation SET fingerprint = 'of another life'".to_owned(),
        format!(
            "UPDATE freehold_head SET heads = '{}' WHERE topic = 'book.changed.v1'",
            backup.heads
        ),
    ];
    for sql in statements {
        store.run(&sql, &[]).await.expect("put back");
    }
    store.commit().await.done().expect("commit");
    let sql = format!("DELETE FROM freehold_outbox WHERE id > {}", backup.id);
    store.run(&sql, &[]).await.expect("put back");
    let mut program = world.program().await;
    for book in 2..=5 {
        put_book(&mut *program, book, 1).await;
    }
    let gone = "DELETE FROM books WHERE book_id = 6";
    program.run(gone, &[]).await.expect("put back");
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_travel_over_a_socket() {
    let Some(world) = World::on(freehold_model::EngineKind::Sqlite).await else {
        return;
    };
    let mut program = world.program().await;
    change(&mut *program, 1, 1).await;
    let mut relay = world.relay::<Sound>().await;
    drain(&mut relay).await;
    let folder = tempfile::tempdir().expect("a folder");
    let sockets = Sockets::new(folder.path());
    let unreachable = sockets
        .ask("catalog", Ask::Standing { topic: topic() })
        .await;
    assert_eq!(
        unreachable.expect_err("nobody listens").fault().code,
        "FH3904"
    );
    let (stopper, stop) = tokio::sync::watch::channel(false);
    let path = sockets.path("catalog");
    let serving = tokio::spawn(async move { serve(&path, world.owner(), stop).await });
    let mut answer = sockets
        .ask("catalog", Ask::Standing { topic: topic() })
        .await;
    let begun = Instant::now();
    while answer.is_err() && begun.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_millis(20)).await;
        answer = sockets
            .ask("catalog", Ask::Standing { topic: topic() })
            .await;
    }
    let Ok(Answer::Standing(standing)) = answer else {
        panic!("{answer:?}");
    };
    assert!(
        standing.snapshot && standing.heads.len() == 1,
        "{standing:?}"
    );
    let _ = stopper.send(true);
    serving.await.expect("no panic").expect("served");
}

fn topic() -> freehold_broker::Topic {
    freehold_broker::Topic::new(freehold_testkit::bookshop::BOOK_CHANGED).expect("a topic")
}
