//! Rows of an array's items: an entity's rows come and go together, whatever comes late, twice or
//! empty. Held against a plain map of what each entity said last, and read models over them against
//! the engine's own query.

use std::collections::{BTreeMap, BTreeSet};

use freehold_events::{Change, Changes};
use freehold_model::EngineKind;
use freehold_testkit::Random;
use freehold_testkit::readshop::{Asked, Copied, text_type};
use serde_json::{Map, json};

use super::random::{ENGINES, copies};
use super::world::{Store, shape};

const SKUS: [&str; 3] = ["mat", "cup", "pen"];

/// What an order said last: at which position, and of which items.
type Said = BTreeMap<i64, (i64, Vec<&'static str>)>;

fn items(kind: EngineKind) -> Copied {
    Copied {
        table: "order_items".to_owned(),
        key: ["order_id", "place"]
            .map(|name| (name.to_owned(), "BIGINT NOT NULL"))
            .to_vec(),
        columns: vec![("sku".to_owned(), text_type(kind))],
        items: true,
    }
}

fn queries() -> Vec<(Asked, String)> {
    let query = |name: &str, from: [(&str, &str); 2], select: &str, rest: &str| {
        let [(a, first), (b, second)] = from;
        let asked = Asked {
            name: name.to_owned(),
            from: from.map(|(a, b)| (a.to_owned(), b.to_owned())).to_vec(),
            select: format!("{select} FROM {a} LEFT JOIN {b} {rest}"),
        };
        let oracle = format!("{select} FROM {first} AS {a} LEFT JOIN {second} AS {b} {rest}");
        (asked, oracle)
    };
    vec![
        query(
            "bought",
            [("i", "order_items"), ("o", "t0")],
            "SELECT i.order_id, i.place, i.sku, o.txt AS txt",
            "ON o.id = i.order_id",
        ),
        query(
            "by_sku",
            [("o", "t0"), ("i", "order_items")],
            "SELECT i.sku, count(*) AS n, sum(o.val) AS total",
            "ON i.order_id = o.id GROUP BY i.sku",
        ),
    ]
}

/// An order's items as the applier has them.
fn said(order: i64, position: i64, skus: &[&str]) -> Change {
    let mut row = Map::new();
    row.insert("order_id".to_owned(), json!(order));
    row.insert("freehold_key".to_owned(), json!(order.to_string()));
    let stamp = json!(format!("{position:020}"));
    row.insert("freehold_stamp".to_owned(), stamp.clone());
    row.insert("position".to_owned(), stamp);
    if skus.is_empty() {
        return Change::Delete(row);
    }
    let rows = skus.iter().enumerate().map(|(place, sku)| {
        let mut row = row.clone();
        row.insert("place".to_owned(), json!(place));
        row.insert("sku".to_owned(), json!(sku));
        row
    });
    Change::PutEach(rows.collect())
}

fn draw(random: &mut Random, now: &mut i64, last: &mut Said) -> BTreeMap<String, Changes> {
    let mut all: BTreeMap<String, Changes> = BTreeMap::new();
    let mut touched = BTreeSet::new();
    for _ in 0..=random.below(12) {
        *now += 1;
        let order = i64::try_from(random.below(6)).unwrap_or_default();
        if random.below(3) == 0 {
            let row = json!({"id": order, "r1": null, "r2": null, "val": *now % 7, "txt": "x",
                "version": *now, "freehold_key": order.to_string(), "freehold_stamp": format!("{now:020}")});
            let row = row.as_object().cloned().unwrap_or_default();
            let rows = all.entry("t0".to_owned()).or_default();
            rows.add(&order.to_string(), Change::Put(row));
            continue;
        }
        let rows = all.entry("order_items".to_owned()).or_default();
        // A batch has one change of a key: its last.
        if !touched.insert(order) {
            continue;
        }
        let newest = last.entry(order).or_insert((0, Vec::new()));
        let heard = newest.0 > 0;
        match random.below(5) {
            // Once more.
            0 if heard => rows.add(&order.to_string(), said(order, newest.0, &newest.1)),
            // Late: something else that it said before.
            1 if heard => rows.add(&order.to_string(), said(order, newest.0 - 1, &["pen"; 4])),
            _ => {
                let skus = (0..random.below(4)).map(|_| random.pick(&SKUS));
                *newest = (*now, skus.collect());
                rows.add(&order.to_string(), said(order, newest.0, &newest.1));
            }
        }
    }
    all
}

fn expected(last: &Said) -> Vec<String> {
    let rows = last.iter().flat_map(|(order, (_, skus))| {
        let skus = skus.iter().enumerate();
        skus.map(move |(place, sku)| format!("{order} | {place} | {sku}"))
    });
    rows.collect()
}

/// The first batch after which rows were not what was said, or a model not what its query gives.
async fn differs(kind: EngineKind, batches: usize, spoil: impl Fn(&mut Store)) -> Option<String> {
    let shape = shape(kind).await?;
    let mut random = Random::seeded();
    let mut all = copies(kind, 1);
    all.push(items(kind));
    let queries = queries();
    let asked: Vec<Asked> = queries.iter().map(|it| it.0.clone()).collect();
    let name = format!("items_{}", random.below(1_000_000));
    let mut store = Store::open(&shape, &name, &all, &asked).await;
    spoil(&mut store);
    store.catch_up().await;
    let mut last = Said::new();
    for batch in 0..batches {
        let mut now = store.now;
        let changes = draw(&mut random, &mut now, &mut last);
        store.now = now;
        store.change(changes).await;
        let rows = store
            .rows("SELECT order_id, place, sku FROM order_items")
            .await;
        if rows != expected(&last) {
            return Some(format!("{kind}, batch {batch}: {rows:#?} {last:#?}"));
        }
        for (asked, oracle) in &queries {
            let (seen, real) = (store.seen(&asked.name).await, store.rows(oracle).await);
            if seen != real {
                let name = &asked.name;
                return Some(format!("{kind}, batch {batch}: {name} {seen:#?} {real:#?}"));
            }
        }
    }
    None
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_items_are_what_was_said_last() {
    for kind in ENGINES {
        let batches = if std::env::var_os("FREEHOLD_PROVE").is_some() {
            400
        } else {
            25
        };
        assert_eq!(differs(kind, batches, |_| {}).await, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_an_entity_has_no_more_are_found() {
    for kind in ENGINES {
        let found = differs(kind, 60, |store| {
            let put = store.ground.sql.copy_put.get_mut("order_items");
            // The statement by which others go.
            put.expect("the copy").remove(0);
        });
        assert!(found.await.is_some() || shape(kind).await.is_none());
    }
}
