//! What a restart costs: sagas that a killed executor left in the middle, until another one has
//! them all, and until they have ended.

use std::sync::Arc;
use std::time::{Duration, Instant};

use freehold_model::EngineKind;
use freehold_saga::Settings;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::participants::{Asked, Silent};
use crate::stores::Stores;
use crate::{AT_ONCE, round};

/// Short, so that nobody waits for the killed one's.
const TERM: Duration = Duration::from_secs(1);
/// Between two looks at all rows, which cost what sagas could have had.
const LOOK: Duration = Duration::from_millis(250);

pub(crate) async fn takeover(kind: EngineKind, case: &str, sagas: usize) -> Option<Value> {
    let stores = Stores::opens(kind).await?;
    let mut program = stores.program().await;
    let mut last = 0;
    while last < sagas {
        let next = sagas.min(last + AT_ONCE);
        stores.start(program.as_mut(), last..next).await;
        last = next;
    }
    abandon(&stores, sagas).await;
    tokio::time::sleep(TERM * 2).await;
    let asked = Asked::of(case, &stores).await;
    let mut eyes = stores.eyes().await;
    let before = resident_kb();
    let began = Instant::now();
    let mut executor = stores.executor(asked.people()).await;
    let read = began.elapsed();
    let (end, mut ending) = watch::channel(false);
    let watching = async {
        while stores.untouched(eyes.as_mut()).await > 0 {
            tokio::time::sleep(LOOK).await;
        }
        let claimed = began.elapsed();
        while stores.ended(eyes.as_mut()).await < sagas {
            tokio::time::sleep(LOOK).await;
        }
        let _ = end.send(true);
        (claimed, began.elapsed())
    };
    let (worked, (claimed, ended)) = tokio::join!(executor.run(&mut ending), watching);
    worked.expect("a healthy executor");
    let millis = |took: Duration| round(took.as_secs_f64() * 1e3);
    #[expect(clippy::cast_precision_loss, reason = "a count of a benchmark")]
    let rate = sagas as f64 / ended.as_secs_f64();
    Some(json!({
        "case": case, "sagas": sagas, "read_ms": millis(read), "claimed_ms": millis(claimed),
        "ended_ms": millis(ended), "sagas_per_s": round(rate), "resident_kb": resident_kb().saturating_sub(before),
    }))
}

/// The memory that sagas take which wait for an operator, after a restart with all of them. A start
/// is looked for when everything has been read, so its end is the end of that.
pub(crate) async fn parked(kind: EngineKind, case: &str, sagas: usize) -> Option<Value> {
    let stores = Stores::opens(kind).await?;
    stores.park(sagas).await;
    let asked = Asked::of(case, &stores).await;
    let before = resident_kb();
    let began = Instant::now();
    let mut executor = stores.executor(asked.people()).await;
    let mut program = stores.program().await;
    stores.start(program.as_mut(), 0..1).await;
    let (end, mut ending) = watch::channel(false);
    let watching = async {
        let mut most = before;
        while asked.ended() == 0 {
            most = most.max(resident_kb());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let _ = end.send(true);
        most
    };
    let (worked, most) = tokio::join!(executor.run(&mut ending), watching);
    worked.expect("a healthy executor");
    Some(json!({
        "case": case, "sagas": sagas, "read_ms": round(began.elapsed().as_secs_f64() * 1e3),
        "resident_kb": most.saturating_sub(before),
    }))
}

/// Every saga is begun and asks for its first step; then its executor is gone, without a word.
async fn abandon(stores: &Stores, sagas: usize) {
    let settings = Settings {
        term: TERM,
        under_way: sagas + 1,
        poll: Duration::from_millis(2),
        ..Settings::new("killed")
    };
    let mut executor = stores.executor_with(Arc::new(Silent), settings).await;
    let (_end, mut ending) = watch::channel(false);
    let mut eyes = stores.eyes().await;
    let begun = async {
        while stores.begun(eyes.as_mut()).await < sagas {
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::select! {
        worked = executor.run(&mut ending) => worked.expect("a healthy executor"),
        () = begun => {}
    }
}

fn resident_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.trim().split(' ').next()?.parse().ok());
    number.unwrap_or(0)
}
