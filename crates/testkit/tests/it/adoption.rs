//! Taking over a store that is there, killed at every call: the next run takes it over, or finds it
//! taken over and goes on; rows and schema are as they were, the history is recorded once.

use std::collections::BTreeMap;
use std::path::Path;

use freehold_engine::{Engine, Keep, Value};
use freehold_lifecycle::{Target, adopt, apply, destroy, plan, plan_adoption, status};
use freehold_model::{EngineKind, Fault, Isolation};
use freehold_testkit::{
    Admin, Crashing, Death, Must as _, OrdersFiles, Shape, by_hand, conformance, orders_target_of,
};

const ROWS: &str = "SELECT code, label FROM statuses ORDER BY code";

/// As `freehold adopt` does it: plan, write the files, take over.
async fn take_over(target: &Target) -> Result<(), Vec<Fault>> {
    let planned = plan_adoption(target, None).await?;
    adopt(target, &planned).await.map(|_| ())
}

struct Clean {
    files: OrdersFiles,
    schema: BTreeMap<String, String>,
    calls: usize,
}

/// The way without a kill; and the files that it writes.
async fn clean(shape: &Shape) -> Clean {
    by_hand::make(shape).await;
    let mut files = by_hand::without_history(shape);
    let first = orders_target_of(shape, &files).must("the files are right");
    let planned = plan_adoption(&first, None).await.must("a plan");
    for file in &planned.files {
        let folder = Path::new("services/orders/migrations");
        let up = folder.join(format!("{}.up.sql", file.id));
        files.0.insert(up, file.up.clone());
        let down = folder.join(format!("{}.down.sql", file.id));
        files.0.insert(down, file.down.clone().must("a down"));
    }
    let engine = freehold_builtin::engine(shape.kind).must("an engine");
    let counting = Crashing::never(engine);
    let mut target = orders_target_of(shape, &files).must("with the file written");
    target.engine = counting;
    take_over(&target).await.must("a clean adoption");
    let clean = Clean {
        schema: conformance::schema(&target).await,
        calls: counting.calls(),
        files,
    };
    gone(shape, &clean.files).await;
    clean
}

async fn gone(shape: &Shape, files: &OrdersFiles) {
    let target = [orders_target_of(shape, files).must("the files are right")];
    let done = destroy(&target, Keep::default(), true, false).await;
    done.must("destroy");
}

/// The next run of the command; where it says that all is done, the usual one.
async fn goes_on(shape: &Shape, clean: &Clean, what: &str) {
    let target = orders_target_of(shape, &clean.files).must("the files are right");
    match take_over(&target).await {
        Err(faults) if faults[0].code == "FH3231" => {}
        done => done.must(what),
    }
    let target = [target];
    apply(&target, &|_| {}).await.must(what);
    let plans = plan(&target).await.must(what);
    assert!(plans[0].is_empty(), "{what}: {:#?}", plans[0].steps);
    assert_eq!(
        conformance::schema(&target[0]).await,
        clean.schema,
        "{what}"
    );
    let rows = by_hand::enter(&target[0])
        .await
        .query(ROWS, &[])
        .await
        .must(ROWS);
    let pending = ["pending", "Pending"].map(|text| Value::Text(text.to_owned()));
    assert_eq!(rows, [pending.to_vec()], "{what}");
    let now = status(&target).await.must(what);
    assert_eq!(now[0].schema.as_deref(), Some("0001"), "{what}");
}

async fn killed_at_every_call(kind: EngineKind) {
    let Some(shape) = Shape::ready(kind, Isolation::Database, Admin::Superuser).await else {
        return;
    };
    let engine: &'static dyn Engine = freehold_builtin::engine(kind).must("an engine");
    let clean = clean(&shape).await;
    let stride = if kind == EngineKind::Sqlite || std::env::var_os("FREEHOLD_PROVE").is_some() {
        1
    } else {
        5
    };
    let mut died = 0;
    for (number, at) in (1..=clean.calls).step_by(stride).enumerate() {
        for (turn, death) in [Death::Before, Death::After].into_iter().enumerate() {
            if stride > 1 && number % 2 != turn {
                continue;
            }
            by_hand::make(&shape).await;
            let mut dying = orders_target_of(&shape, &clean.files).must("the files are right");
            dying.engine = Crashing::at(engine, at, death);
            died += usize::from(take_over(&dying).await.is_err());
            let what = format!(
                "{kind}: after a kill at call {at} of {} ({death:?})",
                clean.calls
            );
            goes_on(&shape, &clean, &what).await;
            gone(&shape, &clean.files).await;
        }
    }
    assert!(
        died * 2 > clean.calls / stride,
        "only {died} of the kills hit"
    );
    eprintln!(
        "{kind}: adoption killed {died} times over {} calls",
        clean.calls
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_on_postgres() {
    killed_at_every_call(EngineKind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_on_mariadb() {
    killed_at_every_call(EngineKind::Mariadb).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_on_sqlite() {
    killed_at_every_call(EngineKind::Sqlite).await;
}
