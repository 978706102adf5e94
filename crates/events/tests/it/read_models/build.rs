//! First builds, changed definitions, and changes that touch more rows than a transaction should.

use freehold_engine::{READ_MODEL_PAGE, Verifiers};
use freehold_model::EngineKind;
use freehold_testkit::Shape;
use freehold_testkit::bookshop::{Target, enter};
use freehold_testkit::readshop::{Asked, apply_again, read_shop};
use serde_json::json;

use super::random::{ENGINES, copies};
use super::world::{Batch, Store, shape};

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

/// Sends so many statements of what there is to do, over a connection that goes then. True: all.
async fn run_cut(target: &Target, most: usize) -> bool {
    let at = target.engine.at_store(&target.admin, &target.want.spot);
    let mut admin = target.engine.connect(&at).await.expect("the admin");
    let live = admin.inspect(&target.want).await.expect("a look");
    let steps = target.engine.diff(admin.probe(), &target.want, &live).steps;
    let mut left = most;
    for mut step in steps {
        let all = step.sql.len();
        step.sql.truncate(left);
        left -= step.sql.len();
        let done = admin.apply(&step, &Verifiers::default()).await;
        done.expect("statements");
        if step.sql.len() < all {
            return false;
        }
    }
    true
}

/// Where each statement about a table commits for itself: a run that is cut off behind any of them
/// leaves readers what they had, and the next one ends it.
#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_is_cut_off_is_ended_by_the_next() {
    let kind = EngineKind::Mariadb;
    let Some(shape) = shape(kind).await else {
        return;
    };
    let (first, _) = asked("a.id, b.val");
    let copies = copies(kind, 2);
    let mut store = Store::open(&shape, "cut", &copies, std::slice::from_ref(&first)).await;
    store.apply(&row("t0", 1, 7, 0, 1)).await;
    store.apply(&row("t1", 7, 0, 4, 1)).await;
    let (mut second, mut oracle) = asked("b.val, count(*) AS n, max(a.id) AS last");
    second.select.push_str(" GROUP BY b.val");
    oracle.push_str(" GROUP BY b.val");
    let (before, after) = (["1 | 4"], ["4 | 1 | 1"]);
    let prove = std::env::var_os("FREEHOLD_PROVE").is_some();
    let mut cut = 0;
    loop {
        let next = read_shop(&shape, "cut", &copies, std::slice::from_ref(&second));
        let next = next.expect("a description");
        let whole = run_cut(&next, cut).await;
        let seen = store.seen("joined").await;
        assert!(seen == before || seen == after, "cut at {cut}: {seen:?}");
        apply_again(&next).await;
        assert_eq!(store.seen("joined").await, after, "cut at {cut}");
        assert_eq!(store.rows(&oracle).await, after, "cut at {cut}");
        let mut now = Store::open(&shape, "cut", &copies, std::slice::from_ref(&second)).await;
        assert_eq!(now.drift().await, Vec::<String>::new(), "cut at {cut}");
        if whole {
            break;
        }
        cut += if prove { 1 } else { 7 };
        store = Store::open(&shape, "cut", &copies, std::slice::from_ref(&first)).await;
        assert_eq!(store.seen("joined").await, before);
    }
    assert!(cut > 10, "{cut} statements");
}

/// Rows that a program sees at every look.
const ROWS: usize = 60;

/// A store with a read model of so many rows, a program that looks at it all the time until it is
/// told to stop, and what it saw that was less.
async fn watched(
    shape: &Shape,
    name: &str,
    form: &Asked,
) -> (
    Store,
    tokio::sync::watch::Sender<bool>,
    tokio::task::JoinHandle<Option<String>>,
) {
    let copies = copies(shape.kind, 2);
    let mut store = Store::open(shape, name, &copies, std::slice::from_ref(form)).await;
    let batch: Batch = (0..ROWS)
        .flat_map(|id| row("t0", i64::try_from(id).unwrap_or_default(), 7, 0, 1))
        .collect();
    store.apply(&batch).await;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let program = &store.target.want.identities.app.logins[0];
    let mut reader = enter(&store.target, program).await;
    let watching = tokio::spawn(async move {
        loop {
            match reader.query("SELECT id FROM joined", &[]).await {
                Ok(rows) if rows.len() == ROWS => {}
                Ok(rows) => return Some(format!("{} rows", rows.len())),
                Err(error) => return Some(error.to_string()),
            }
            if *stopped.borrow() {
                return None;
            }
        }
    });
    (store, stop, watching)
}

/// Programs look at every moment while definitions change: all rows are there, each time.
#[tokio::test(flavor = "multi_thread")]
async fn readers_see_no_gap_while_a_definition_changes() {
    for kind in ENGINES {
        let Some(shape) = shape(kind).await else {
            continue;
        };
        let forms = [
            "a.id, b.val",
            "a.id, b.txt",
            "a.id, coalesce(b.val, 0) AS val",
        ];
        let forms = forms.map(|columns| asked(columns).0);
        let (_store, stop, watching) = watched(&shape, "switched", &forms[0]).await;
        for form in forms.iter().cycle().skip(1).take(3) {
            let form = std::slice::from_ref(form);
            let next = read_shop(&shape, "switched", &copies(kind, 2), form);
            apply_again(&next.expect("a description")).await;
        }
        stop.send(true).expect("somebody looks");
        assert_eq!(watching.await.expect("every look"), None, "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_would_be_seen() {
    for kind in ENGINES {
        let Some(shape) = shape(kind).await else {
            continue;
        };
        let (form, _) = asked("a.id, b.val");
        let (store, _stop, watching) = watched(&shape, "gap", &form).await;
        let target = &store.target;
        let at = target.engine.at_store(&target.admin, &target.want.spot);
        let mut admin = target.engine.connect(&at).await.expect("the admin");
        admin.assume_owner(&target.want).await.expect("the owner");
        admin.execute("DROP VIEW joined").await.expect("dropped");
        assert!(watching.await.expect("a look").is_some(), "{kind}");
    }
}
