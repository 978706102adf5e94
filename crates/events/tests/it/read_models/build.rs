//! First builds, changed definitions, and changes that touch more rows than a transaction should.

use freehold_engine::READ_MODEL_PAGE;
use freehold_model::EngineKind;
use freehold_testkit::readshop::Asked;
use serde_json::json;

use super::random::copies;
use super::world::{Batch, Store, shape};

const ENGINES: [EngineKind; 2] = [EngineKind::Sqlite, EngineKind::Postgres];

fn row(table: &str, id: i64, r1: i64, val: i64, version: i64) -> Batch {
    let columns = json!({"r1": r1, "r2": null, "val": val, "txt": "x", "version": version});
    let key = vec![("id".to_owned(), id)];
    vec![(table.to_owned(), key, columns.as_object().cloned())]
}

fn asked(columns: &str) -> (Asked, String) {
    let pairs = [("a", "t0"), ("b", "t1")];
    let asked = Asked {
        name: "joined".to_owned(),
        from: pairs.map(|(a, b)| (a.to_owned(), b.to_owned())).to_vec(),
        select: format!("SELECT {columns} FROM a LEFT JOIN b ON b.id = a.r1"),
    };
    let oracle = format!("SELECT {columns} FROM t0 AS a LEFT JOIN t1 AS b ON b.id = a.r1");
    (asked, oracle)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_fan_out_is_done_in_chunks() {
    for kind in ENGINES {
        let Some(shape) = shape(kind).await else {
            continue;
        };
        let (asked, oracle) = asked("a.id, b.val");
        let mut store = Store::open(&shape, "fan", &copies(kind, 2), &[asked]).await;
        store.catch_up().await;
        store.apply(&row("t1", 7, 0, 1, 1)).await;
        let many = i64::try_from(READ_MODEL_PAGE * 5 / 2).expect("a number");
        let all: Vec<i64> = (0..many).collect();
        for ids in all.chunks(READ_MODEL_PAGE - 1) {
            let batch: Batch = ids.iter().flat_map(|id| row("t0", *id, 7, 0, 1)).collect();
            assert!(!store.apply(&batch).await);
        }
        assert!(store.apply(&row("t1", 7, 0, 2, 2)).await, "some is left");
        // Another key does not wait for it.
        store.apply(&row("t0", -1, 8, 5, 1)).await;
        let other = store.rows("SELECT id, val FROM joined WHERE id = -1").await;
        assert_eq!(other, ["-1 | -"]);
        assert_ne!(store.seen("joined").await, store.rows(&oracle).await);
        store.catch_up().await;
        assert_eq!(store.seen("joined").await, store.rows(&oracle).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_definition_is_there_at_once() {
    for kind in ENGINES {
        let Some(shape) = shape(kind).await else {
            continue;
        };
        let (first, _) = asked("a.id, b.val");
        let copies = copies(kind, 2);
        let mut store = Store::open(&shape, "changed", &copies, &[first]).await;
        assert_eq!(store.drift().await, Vec::<String>::new(), "{kind}");
        store.apply(&row("t0", 1, 7, 0, 1)).await;
        store.apply(&row("t1", 7, 0, 4, 1)).await;
        let kept = store.kept().await;
        let columns = "b.val, count(*) AS n, min(a.id) AS first";
        let (mut second, mut oracle) = asked(columns);
        second.select.push_str(" GROUP BY b.val");
        oracle.push_str(" GROUP BY b.val");
        let mut store = Store::open(&shape, "changed", &copies, &[second]).await;
        assert_eq!(
            store.seen("joined").await,
            store.rows(&oracle).await,
            "{kind}"
        );
        assert_eq!(store.seen("joined").await, ["4 | 1 | 1"], "{kind}");
        assert_eq!(store.kept().await.len(), 2, "{kind}");
        assert!(!store.kept().await.contains(&kept[0]), "{kind}");
        assert_eq!(store.drift().await, Vec::<String>::new(), "{kind}");
        store.apply(&row("t0", 2, 7, 0, 1)).await;
        assert_eq!(store.seen("joined").await, ["4 | 2 | 1"], "{kind}");
        // Nobody asks any more.
        let mut store = Store::open(&shape, "changed", &copies, &[]).await;
        assert_eq!(store.kept().await, Vec::<String>::new(), "{kind}");
        assert_eq!(store.drift().await, Vec::<String>::new(), "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_changed_by_hand_goes_with_a_build() {
    for kind in ENGINES {
        let Some(shape) = shape(kind).await else {
            continue;
        };
        let (asked, oracle) = asked("a.id, b.val");
        let mut store = Store::open(&shape, "hand", &copies(kind, 2), &[asked]).await;
        store.apply(&row("t0", 1, 7, 0, 1)).await;
        store.apply(&row("t0", 2, 7, 0, 1)).await;
        let rows = store.kept().await.remove(0);
        let delete = format!("DELETE FROM {rows} WHERE freehold_k0_0 = 1");
        store
            .ground
            .connection
            .run(&delete, &[])
            .await
            .expect("by hand");
        assert_ne!(
            store.seen("joined").await,
            store.rows(&oracle).await,
            "{kind}"
        );
        // The first build is still written down.
        store.catch_up().await;
        assert_eq!(
            store.seen("joined").await,
            store.rows(&oracle).await,
            "{kind}"
        );
    }
}
