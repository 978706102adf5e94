//! Two who write at once: each would miss the other's row, so one waits for the other.

use std::time::Duration;

use freehold_engine::TxMode;
use freehold_events::read_models;
use freehold_model::EngineKind;
use freehold_testkit::Random;
use freehold_testkit::readshop::Asked;
use serde_json::json;

use super::random::copies;
use super::world::{Batch, Store, changes, shape};

fn put(table: &str, id: i64, r1: i64) -> Batch {
    let row = json!({"r1": r1, "r2": null, "val": 1, "txt": "x", "version": 5});
    let row = row.as_object().cloned();
    vec![(table.to_owned(), vec![("id".to_owned(), id)], row)]
}

/// What is seen when a row and its partner come at the same moment in two transactions.
async fn both_at_once(locked: bool) -> Option<(Vec<String>, Vec<String>)> {
    let kind = EngineKind::Postgres;
    let shape = shape(kind).await?;
    let asked = Asked {
        name: "joined".to_owned(),
        from: vec![
            ("a".to_owned(), "t0".to_owned()),
            ("b".to_owned(), "t1".to_owned()),
        ],
        select: "SELECT a.id, b.val FROM a LEFT JOIN b ON b.id = a.r1".to_owned(),
    };
    let name = format!("both_{}", Random::from(u64::from(locked)).below(1_000_000));
    let mut store = Store::open(&shape, &name, &copies(kind, 2), &[asked]).await;
    store.catch_up().await;
    let mut second = crate::world::World::ground(&store.target).await;
    if !locked {
        for sql in [&mut store.ground.sql, &mut second.sql] {
            "SELECT 1 WHERE $1::text <> '' AND $2::bigint > 0".clone_into(&mut sql.lead_lock);
        }
    }
    store.begin().await;
    let first = read_models::change(&mut store.ground, changes(&put("t0", 1, 7))).await;
    first.expect("the row");
    let epoch = store.epoch;
    let partner = tokio::spawn(async move {
        second.connection.begin(TxMode::Write).await.expect("begin");
        read_models::lock(&mut second, epoch)
            .await
            .expect("the lock");
        let changed = read_models::change(&mut second, changes(&put("t1", 7, 0))).await;
        changed.expect("the partner");
        second.connection.commit().await.done().expect("commit");
    });
    // Time for the second to be through, if nothing holds it back.
    tokio::time::sleep(Duration::from_millis(700)).await;
    store.commit().await;
    partner.await.expect("the second one");
    let real = "SELECT a.id, b.val FROM t0 AS a LEFT JOIN t1 AS b ON b.id = a.r1";
    Some((store.seen("joined").await, store.rows(real).await))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_and_its_partner_may_come_at_once() {
    if let Some((seen, real)) = both_at_once(true).await {
        assert_eq!(seen, real);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_lock_the_joined_row_is_lost() {
    if let Some((seen, real)) = both_at_once(false).await {
        assert_ne!(seen, real);
    }
}
