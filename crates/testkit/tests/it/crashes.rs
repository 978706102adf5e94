//! A run is killed at every call that reaches a database; the next run goes on, and ends where a
//! run that was never killed ends.
//!
//! On servers every call is tried in the long proofs (`FREEHOLD_PROVE=1`), a spread of them in CI.

use freehold_engine::{Engine, Keep};
use freehold_lifecycle::{apply, destroy, plan, rollback};
use freehold_model::{EngineKind, Isolation};
use freehold_testkit::{
    Admin, Crashing, Death, Must as _, Shape, conformance, orders_target, twelve,
};

/// What a run does that is killed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Doing {
    Apply,
    Rollback,
    Destroy,
}

async fn killed_at_every_call(kind: EngineKind, isolation: Isolation, doing: Doing) {
    let Some(shape) = Shape::ready(kind, isolation, Admin::Superuser).await else {
        return;
    };
    let clean = [orders_target(&shape)];
    apply(&clean, &|_| {}).await.must("a clean apply");
    let wanted = conformance::schema(&clean[0]).await;
    let calls = calls(&shape, doing).await;
    destroy(&clean, Keep::default(), true, false)
        .await
        .must("a clean destroy");
    assert!(calls > 10, "{calls} calls");

    let stride = if kind == EngineKind::Sqlite || std::env::var_os("FREEHOLD_PROVE").is_some() {
        1
    } else {
        3
    };
    let mut died = 0;
    for (number, at) in (1..=calls).step_by(stride).enumerate() {
        for death in [Death::Before, Death::After] {
            // Whichever of the two comes first takes turns.
            if stride > 1 && (number % 2 == 0) == (death == Death::Before) {
                continue;
            }
            died += usize::from(dies(&shape, doing, at, death).await);
            heal(&shape, doing, at, death, &wanted).await;
        }
    }
    assert!(died * 2 > calls / stride, "only {died} of the kills hit");
    eprintln!(
        "{}: {died} kills over {calls} calls, each healed",
        shape.label()
    );
}

/// Brings the store to where `doing` begins, runs it with an engine that only counts.
async fn calls(shape: &Shape, doing: Doing) -> usize {
    let engine = freehold_builtin::engine(shape.kind).must("an engine");
    prepare(shape, doing).await;
    let counting = Crashing::never(engine);
    let done = run(shape, doing, counting).await;
    assert!(done, "a run that is not killed succeeds");
    let calls = counting.calls();
    apply(&[orders_target(shape)], &|_| {}).await.must("apply");
    calls
}

async fn prepare(shape: &Shape, doing: Doing) {
    let target = [orders_target(shape)];
    match doing {
        Doing::Apply => drop(
            destroy(&target, Keep::default(), true, false)
                .await
                .must("destroy"),
        ),
        Doing::Rollback | Doing::Destroy => drop(apply(&target, &|_| {}).await.must("apply")),
    }
}

async fn run(shape: &Shape, doing: Doing, engine: &'static dyn Engine) -> bool {
    let mut target = orders_target(shape);
    target.engine = engine;
    let target = [target];
    match doing {
        Doing::Apply => apply(&target, &|_| {}).await.is_ok(),
        Doing::Rollback => rollback(&target, Some(0)).await.is_ok(),
        Doing::Destroy => destroy(&target, Keep::default(), true, false).await.is_ok(),
    }
}

/// True: the run noticed that it died.
async fn dies(shape: &Shape, doing: Doing, at: usize, death: Death) -> bool {
    let engine = freehold_builtin::engine(shape.kind).must("an engine");
    prepare(shape, doing).await;
    !run(shape, doing, Crashing::at(engine, at, death)).await
}

/// The next run, whole, makes everything right.
async fn heal(
    shape: &Shape,
    doing: Doing,
    at: usize,
    death: Death,
    wanted: &std::collections::BTreeMap<String, String>,
) {
    let what = format!(
        "{}: healed after a kill at call {at} ({death:?})",
        shape.label()
    );
    let target = [orders_target(shape)];
    if doing == Doing::Destroy {
        destroy(&target, Keep::default(), true, false)
            .await
            .must(&what);
        let left = conformance::everything(shape).await;
        let left: Vec<_> = left
            .iter()
            .filter(|row| !format!("{row:?}").contains("_shared"))
            .collect();
        assert!(left.is_empty(), "{what}: {left:?}");
        return;
    }
    apply(&target, &|_| {}).await.must(&what);
    assert_eq!(&conformance::schema(&target[0]).await, wanted, "{what}");
    let plans = plan(&target).await.must(&what);
    assert!(plans[0].is_empty(), "{what}: {:#?}", plans[0].steps);
    assert_eq!(
        conformance::migrators(shape).await,
        0,
        "{what}: a migrator is left"
    );
}

macro_rules! kills {
    ($($name:ident: $kind:ident $doing:ident;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            killed_at_every_call(EngineKind::$kind, Isolation::Database, Doing::$doing).await;
        }
    )*};
}

kills! {
    apply_on_sqlite: Sqlite Apply;
    rollback_on_sqlite: Sqlite Rollback;
    destroy_on_sqlite: Sqlite Destroy;
    apply_on_postgres: Postgres Apply;
    rollback_on_postgres: Postgres Rollback;
    destroy_on_postgres: Postgres Destroy;
    apply_on_mariadb: Mariadb Apply;
    rollback_on_mariadb: Mariadb Rollback;
    destroy_on_mariadb: Mariadb Destroy;
}

/// Twelve statements that each commit for themselves, on MariaDB: killed at every call on their
/// way, the next run ends where a clean one ends, and no data statement took effect twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twelve_statements_that_commit() {
    let database = Isolation::Database;
    let Some(shape) = Shape::ready(EngineKind::Mariadb, database, Admin::Superuser).await else {
        return;
    };
    let server = shape.server.as_ref().must("a server");
    let mut root = server.connect().await;
    let trust = "SET GLOBAL log_bin_trust_function_creators = 1";
    root.execute(trust).await.must("triggers may be made");
    let mut files = freehold_testkit::orders_files(&shape);
    let path = "services/orders/migrations/0004_twelve.up.sql";
    files.0.insert(path.into(), twelve::TWELVE.to_owned());
    let target = || freehold_testkit::orders_target_of(&shape, &files).must("it parses");
    let engine = freehold_builtin::engine(shape.kind).must("an engine");

    fresh(&shape).await;
    let counter = Crashing::never(engine);
    let mut clean = target();
    clean.engine = counter;
    let clean = [clean];
    assert_eq!(clean[0].migrations[3].up.len(), twelve::STATEMENTS);
    apply(&clean, &|_| {}).await.must("a clean apply");
    let calls = counter.calls();
    let wanted = conformance::schema(&clean[0]).await;

    let stride = if std::env::var_os("FREEHOLD_PROVE").is_some() {
        1
    } else {
        4
    };
    for at in (1..=calls).step_by(stride) {
        let deaths = [Death::Before, Death::After];
        let taken = if stride == 1 {
            &deaths[..]
        } else {
            &deaths[at / stride % 2..][..1]
        };
        for death in taken {
            fresh(&shape).await;
            let mut dying = target();
            dying.engine = Crashing::at(engine, at, *death);
            let died = apply(&[dying], &|_| {}).await.is_err();
            let what = format!("healed after a kill at call {at} ({death:?}), noticed: {died}");
            let healed = [target()];
            apply(&healed, &|_| {}).await.must(&what);
            assert_eq!(conformance::schema(&healed[0]).await, wanted, "{what}");
            let (sql, result) = twelve::RESULT;
            let rows = conformance::owner(&healed[0]).await.query(sql, &[]).await;
            let result = result.map(freehold_engine::Value::I64);
            assert_eq!(rows.must(sql), [result], "{what}");
            assert_eq!(conformance::migrators(&shape).await, 0, "{what}");
        }
    }
    eprintln!(
        "twelve statements: killed at {} of {calls} calls",
        calls.div_ceil(stride)
    );
}

/// The store with all but the twelve statements.
async fn fresh(shape: &Shape) {
    let target = [orders_target(shape)];
    destroy(&target, Keep::default(), true, false)
        .await
        .must("destroy");
    apply(&target, &|_| {}).await.must("three of four");
}
