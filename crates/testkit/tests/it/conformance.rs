//! Each promise × each shape. One server per engine serves all tests of this binary; names keep
//! them apart.

use std::future::Future;

use freehold_testkit::{Shape, conformance, shapes};

/// Runs a promise over all shapes, one after the other, saying which one fails. `FREEHOLD_SHAPE`
/// narrows them: `postgres schema`.
async fn over_all<F: AsyncFn(&Shape)>(promise: F) {
    let mut ran = 0;
    let only = std::env::var("FREEHOLD_SHAPE").unwrap_or_default();
    for (kind, isolation, admin) in shapes() {
        if !format!("{kind} {isolation} {admin:?}")
            .to_lowercase()
            .contains(&only)
        {
            continue;
        }
        if let Some(shape) = Shape::ready(kind, isolation, admin).await {
            eprintln!("shape: {}", shape.label());
            promise(&shape).await;
            ran += 1;
        }
    }
    assert!(ran > 0, "no shape ran");
}

fn run(future: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(future);
}

#[test]
fn the_whole_way_and_back() {
    run(over_all(conformance::the_whole_way_and_back));
}

#[test]
fn events_stand_beside_the_tables() {
    run(over_all(conformance::events_stand_beside_the_tables));
}

#[test]
fn a_table_becomes_append_only() {
    run(over_all(conformance::a_table_becomes_append_only));
}

#[test]
fn a_failed_migration_goes_on() {
    run(over_all(conformance::a_failed_migration_goes_on));
}

#[test]
fn destroy_minds_who_is_connected() {
    run(over_all(conformance::destroy_minds_who_is_connected));
}

#[test]
fn destroy_keeps_what_is_asked() {
    run(over_all(conformance::destroy_keeps_what_is_asked));
}

#[test]
fn a_dropped_session_rolls_back() {
    run(over_all(conformance::a_dropped_session_rolls_back));
}

#[test]
fn a_down_is_proven_on_a_copy() {
    run(over_all(conformance::a_down_is_proven_on_a_copy));
}

#[test]
fn a_lock_is_waited_for_a_short_time() {
    run(over_all(conformance::a_lock_is_waited_for_a_short_time));
}

#[test]
fn a_hole_made_by_a_migration_is_refused() {
    run(over_all(conformance::a_hole_made_by_a_migration_is_refused));
}
