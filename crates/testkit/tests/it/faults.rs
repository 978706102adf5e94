//! What a killed process does not show: the server is gone in the middle of a run, the line breaks at
//! a COMMIT, the disk is full. Each is told by a code, and the next run makes everything right, with
//! no migration run twice.
//!
//! `FREEHOLD_PROVE=1` takes many more moments, other ones each time.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use freehold_engine::Keep;
use freehold_lifecycle::{Target, apply, destroy, plan};
use freehold_model::{EngineKind, Fault, Isolation};
use freehold_testkit::{
    Admin, Cut, Must as _, Proxy, Random, Shape, SmallDisk, TestServer, conformance, once,
    orders_files, orders_target_of,
};

fn rounds(in_ci: usize, proving: usize) -> usize {
    match std::env::var_os("FREEHOLD_PROVE") {
        Some(_) => proving,
        None => in_ci,
    }
}

/// The small system, with migrations that show how often they ran.
fn target(shape: &Shape) -> Target {
    let mut files = orders_files(shape);
    once::add(&mut files, shape);
    orders_target_of(shape, &files).must("the files are right")
}

async fn run(target: &Target) -> Result<(), Vec<Fault>> {
    let targets = std::slice::from_ref(target);
    apply(targets, &|_| {}).await.map(|_| ())
}

async fn gone(target: &Target) {
    let done = destroy(std::slice::from_ref(target), Keep::default(), true, false);
    done.await.must("destroy");
}

/// A run that nothing disturbs, and how long it took.
async fn clean(shape: &Shape) -> (BTreeMap<String, String>, Duration) {
    let target = target(shape);
    let begun = Instant::now();
    run(&target).await.must("a clean apply");
    let took = begun.elapsed();
    let wanted = conformance::schema(&target).await;
    assert_eq!(once::rows(shape, &target).await, once::ONCE);
    gone(&target).await;
    (wanted, took)
}

/// The next run ends where a clean one ends.
async fn heals(shape: &Shape, wanted: &BTreeMap<String, String>, what: &str) {
    let target = target(shape);
    run(&target).await.must(what);
    assert_eq!(&conformance::schema(&target).await, wanted, "{what}");
    assert_eq!(once::rows(shape, &target).await, once::ONCE, "{what}");
    assert_eq!(conformance::migrators(shape).await, 0, "{what}: a migrator");
    let plans = plan(std::slice::from_ref(&target)).await.must(what);
    assert!(plans[0].is_empty(), "{what}: {:#?}", plans[0].steps);
}

fn codes(faults: &[Fault]) -> Vec<&'static str> {
    faults.iter().map(|fault| fault.code).collect()
}

/// Stopped at once at moments spread over the run.
async fn the_server_stops(kind: EngineKind) {
    let Some(server) = TestServer::alone(kind).await else {
        return;
    };
    let shape = Shape::on(server.clone(), Isolation::Database, Admin::Superuser).await;
    let (wanted, took) = clean(&shape).await;
    let mut random = Random::seeded();
    let rounds = rounds(4, 60);
    let mut said = BTreeSet::new();
    for round in 0..rounds {
        let part = took / u32::try_from(rounds).expect("few");
        let at = part * u32::try_from(round).expect("few")
            + part * u32::try_from(random.below(100)).expect("few") / 100;
        let target = target(&shape);
        let stops = async {
            tokio::time::sleep(at).await;
            server.kill();
        };
        let (done, ()) = tokio::join!(run(&target), stops);
        if let Err(faults) = done {
            said.extend(codes(&faults));
        }
        server.restart().await;
        let what = format!("{kind}: healed after a stop at {at:?} of {took:?}");
        heals(&shape, &wanted, &what).await;
        gone(&target).await;
    }
    eprintln!("{kind}: stopped {rounds} times within {took:?}, told by {said:?}");
    assert!(!said.is_empty(), "no stop hit a run");
    // Lost while it worked, lost while it committed, or stopped within a migration.
    let known = ["FH3001", "FH3204", "FH3205", "FH3211"];
    assert!(said.iter().all(|code| known.contains(code)), "{said:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_stops() {
    the_server_stops(EngineKind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mariadb_stops() {
    the_server_stops(EngineKind::Mariadb).await;
}

/// The line breaks at a COMMIT.
async fn the_line_breaks(kind: EngineKind) {
    let Some(shape) = Shape::ready(kind, Isolation::Database, Admin::Superuser).await else {
        return;
    };
    let (wanted, _) = clean(&shape).await;
    let through = |proxy: &Proxy| {
        let mut target = target(&shape);
        target.admin = proxy.endpoint(&shape.endpoint);
        target
    };
    let counting = Proxy::before(&shape.endpoint, "", usize::MAX, Cut::Before).await;
    run(&through(&counting)).await.must("a run through a proxy");
    let commits = counting.commits();
    gone(&target(&shape)).await;
    let stride = rounds(4, 1);
    let (mut cuts, mut said) = (0, BTreeSet::new());
    for (number, at) in (1..=commits).step_by(stride).enumerate() {
        let all = [Cut::Before, Cut::Sent, Cut::Answered];
        let taken = if stride == 1 {
            &all[..]
        } else {
            &all[number % 3..][..1]
        };
        for cut in taken {
            let proxy = Proxy::before(&shape.endpoint, "", at, *cut).await;
            let done = run(&through(&proxy)).await;
            cuts += usize::from(proxy.commits() >= at);
            let what = format!("{kind}: healed after COMMIT {at} of {commits} was cut ({cut:?})");
            if let Err(faults) = done {
                said.extend(codes(&faults));
            }
            heals(&shape, &wanted, &what).await;
            gone(&target(&shape)).await;
        }
    }
    eprintln!("{kind}: {cuts} cuts at {commits} COMMITs, told by {said:?}");
    assert!(cuts > 0 && !said.is_empty(), "no cut hit");
}

/// At the very COMMIT of a migration's row: nobody knows, that is said, and the next run finds out.
async fn a_migrations_commit_is_lost(kind: EngineKind, code: &str) {
    let Some(shape) = Shape::ready(kind, Isolation::Database, Admin::Superuser).await else {
        return;
    };
    let (wanted, _) = clean(&shape).await;
    for cut in [Cut::Before, Cut::Sent, Cut::Answered] {
        let proxy = Proxy::before(&shape.endpoint, "INTO ran VALUES (2)", 1, cut).await;
        let mut through = target(&shape);
        through.admin = proxy.endpoint(&shape.endpoint);
        let faults = run(&through).await.err().must("the line was cut");
        assert_eq!(codes(&faults), [code], "{cut:?}: {faults:?}");
        let told = faults[0].help.join(" ");
        assert!(told.contains("twice"), "{cut:?}: {told}");
        if cut == Cut::Answered {
            let rows = once::rows(&shape, &target(&shape)).await;
            assert_eq!(rows, [1, 2], "the server had committed");
        }
        let what = format!("{kind}: healed after a lost COMMIT ({cut:?})");
        heals(&shape, &wanted, &what).await;
        gone(&target(&shape)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migrations_commit_is_lost_on_postgres() {
    a_migrations_commit_is_lost(EngineKind::Postgres, "FH3211").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migrations_commit_is_lost_on_mariadb() {
    a_migrations_commit_is_lost(EngineKind::Mariadb, "FH3204").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_line_to_postgres_breaks() {
    the_line_breaks(EngineKind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_line_to_mariadb_breaks() {
    the_line_breaks(EngineKind::Mariadb).await;
}

/// Rows that need more room than there is.
fn with_rows(shape: &Shape) -> Target {
    let mut files = orders_files(shape);
    once::add(&mut files, shape);
    let rows = match shape.kind {
        EngineKind::Postgres => {
            "INSERT INTO big SELECT repeat(md5(g::text), 30) FROM generate_series(1, 24000) g;\n"
        }
        EngineKind::Sqlite => {
            "INSERT INTO big WITH RECURSIVE g (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g WHERE n < 24000) SELECT hex(zeroblob(480)) FROM g;\n"
        }
        _ => "INSERT INTO big SELECT REPEAT('0123456789', 96) FROM seq_1_to_24000;\n",
    };
    let text = format!(
        "CREATE TABLE big (filler VARCHAR(1000) NOT NULL);\nINSERT INTO ran VALUES (5);\n{rows}"
    );
    let path = Path::new("services/orders/migrations/0006_big.up.sql");
    files.0.insert(path.to_owned(), text);
    orders_target_of(shape, &files).must("the files are right")
}

/// A server that cannot read again what it itself had written when its disk was full.
struct Broken;

/// What MariaDB says then: nothing that was in it is left for any tool to go on with.
const CORRUPT: &str = "Data structure corruption";

/// No room for a new store, then none for a migration's rows.
async fn the_disk_is_full(kind: EngineKind, megabytes: usize) -> Result<(), Broken> {
    let Some(disk) = SmallDisk::of_megabytes(megabytes) else {
        return Ok(());
    };
    let server = if kind == EngineKind::Sqlite {
        None
    } else {
        let Some(server) = TestServer::alone_in(kind, disk.path()).await else {
            return Ok(());
        };
        Some(server)
    };
    let shape = match &server {
        Some(server) => Shape::on(server.clone(), Isolation::Database, Admin::Superuser).await,
        None => Shape::embedded_in(disk.path()),
    };
    let back = async || {
        disk.empty();
        if let Some(server) = &server {
            // A server that could not write its log may have ended itself.
            match server.revive().await {
                Err(why) if kind == EngineKind::Mariadb && why.contains(CORRUPT) => {
                    eprintln!("{kind} lost itself: {why}");
                    return Err(Broken);
                }
                Err(why) => panic!("no server again: {why}"),
                Ok(()) => {}
            }
        }
        Ok(())
    };
    let (wanted, _) = clean(&shape).await;

    disk.fill(128);
    let full = run(&target(&shape)).await;
    back().await?;
    let what = format!("{kind}: goes on after space returned");
    heals(&shape, &wanted, &what).await;

    disk.fill(4096);
    let big = with_rows(&shape);
    let half = run(&big).await.err().must("there is no room for the rows");
    back().await?;
    let known = ["FH3006", "FH3001", "FH3204", "FH3205", "FH3211"];
    assert!(
        codes(&half).iter().all(|code| known.contains(code)),
        "{half:?}"
    );
    run(&big).await.must(&what);
    assert_eq!(once::rows(&shape, &big).await, [1, 2, 3, 4, 5], "{what}");
    let counted = "SELECT COUNT(*) FROM big";
    let rows = conformance::owner(&big).await.query(counted, &[]).await;
    assert_eq!(rows.must(counted)[0][0].int(), Some(24000), "{what}");
    eprintln!(
        "{kind}: no room for a store: {:?}; for rows: {:?} {:?}",
        full.err().map(|faults| codes(&faults)),
        codes(&half),
        half[0].help
    );
    gone(&big).await;
    Ok(())
}

/// On up to three servers: one that loses itself shows nothing about us.
async fn on_a_full_disk(kind: EngineKind, megabytes: usize) {
    for _ in 0..3 {
        if the_disk_is_full(kind, megabytes).await.is_ok() {
            return;
        }
    }
    panic!("{kind}: three servers in a row lost themselves");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_disk_of_postgres_is_full() {
    on_a_full_disk(EngineKind::Postgres, 160).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_disk_of_mariadb_is_full() {
    on_a_full_disk(EngineKind::Mariadb, 200).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_disk_of_sqlite_is_full() {
    on_a_full_disk(EngineKind::Sqlite, 48).await;
}

/// A DROP DATABASE that a crash cut off leaves a database that PostgreSQL only drops.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removal_of_postgres_that_was_cut_off() {
    for admin in [Admin::Superuser, Admin::Plain] {
        let Some(shape) = Shape::ready(EngineKind::Postgres, Isolation::Database, admin).await
        else {
            return;
        };
        let target = target(&shape);
        let server = shape.server.as_ref().must("a server");
        let half_gone = format!(
            "UPDATE pg_database SET datconnlimit = -2 WHERE datname = '{}'",
            shape.name
        );
        run(&target).await.must("apply");
        let wanted = conformance::schema(&target).await;
        server
            .connect()
            .await
            .execute(&half_gone)
            .await
            .must("cut off");
        heals(&shape, &wanted, "applied over what is half gone").await;
        server
            .connect()
            .await
            .execute(&half_gone)
            .await
            .must("cut off");
        gone(&target).await;
        let left = conformance::everything(&shape).await;
        let left: Vec<_> = left
            .iter()
            .filter(|row| !format!("{row:?}").contains("_adm"))
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

/// A run that was killed while SQLite signed the new file: the header has the sign, and the journal
/// takes it back at the next look.
#[tokio::test]
async fn a_making_of_sqlite_that_was_cut_off() {
    let shape = Shape::ready(EngineKind::Sqlite, Isolation::Database, Admin::Superuser).await;
    let shape = shape.must("no server is needed");
    let target = target(&shape);
    let folder = Path::new(&target.want.spot.database);
    let store = folder.join("store.db");
    // The file as it is signed, and the journal from before, in which it has no page.
    let half_made = || {
        std::fs::create_dir_all(folder).must("a folder");
        let mut head = vec![0; 4096];
        head[..16].copy_from_slice(b"SQLite format 3\0");
        head[68..72].copy_from_slice(b"FRHD");
        std::fs::write(&store, head).must("a file");
        let mut journal = vec![0; 512];
        journal[..8].copy_from_slice(&[0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7]);
        // No page in it, a random number, no page before, sectors of 512, pages of 4096 bytes.
        journal[12..16].copy_from_slice(&7_u32.to_be_bytes());
        journal[20..24].copy_from_slice(&512_u32.to_be_bytes());
        journal[24..28].copy_from_slice(&4096_u32.to_be_bytes());
        std::fs::write(folder.join("store.db-journal"), journal).must("a journal");
    };
    half_made();
    run(&target).await.must("applied over what is half made");
    assert_eq!(once::rows(&shape, &target).await, once::ONCE);
    gone(&target).await;
    half_made();
    gone(&target).await;
    assert!(!store.exists(), "what was half made is removed");
}
