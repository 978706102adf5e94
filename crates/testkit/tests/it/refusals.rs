//! Bad input and bad worlds: each refused by code, before anything changes. On SQLite, where no
//! server is needed; what only a server can refuse is in the engines' own tests.

use std::path::Path;

use freehold_lifecycle::{apply, plan, rollback};
use freehold_model::{EngineKind, Isolation};
use freehold_testkit::{
    Admin, Must as _, OrdersFiles, Shape, orders_files, orders_target, orders_target_of,
};

async fn shape() -> Shape {
    Shape::ready(EngineKind::Sqlite, Isolation::Database, Admin::Superuser)
        .await
        .must("SQLite needs no server")
}

fn with(mut files: OrdersFiles, path: &str, text: &str) -> OrdersFiles {
    files.0.insert(Path::new(path).to_owned(), text.to_owned());
    files
}

fn codes(faults: &[freehold_model::Fault]) -> Vec<&str> {
    faults.iter().map(|fault| fault.code).collect()
}

#[tokio::test]
async fn migrations_that_may_not_be() {
    let shape = shape().await;
    let path = "services/orders/migrations/0004_more.up.sql";
    for (sql, code) in [
        ("BEGIN;\nCREATE TABLE a (id INT);\nCOMMIT;\n", "FH1241"),
        ("CREATE TABLE freehold_mine (id INT);\n", "FH1244"),
        ("CREATE TABLE elsewhere.a (id INT);\n", "FH1245"),
        (
            "CREATE TABLE a (id INT REFERENCES elsewhere.customers (id));\n",
            "FH1240",
        ),
    ] {
        let refused = orders_target_of(&shape, &with(orders_files(&shape), path, sql))
            .err()
            .must("refused");
        assert_eq!(refused[0].code, code, "{sql}: {refused:?}");
        assert!(refused[0].place.is_some(), "{refused:?}");
    }
}

#[tokio::test]
async fn an_append_only_table_with_a_hole() {
    let shape = shape().await;
    let path = "services/orders/migrations/0002_items.up.sql";
    let text = orders_files(&shape).0[Path::new(path)]
        .replace("(order_id));", "(order_id) ON DELETE CASCADE);");
    let refused = orders_target_of(&shape, &with(orders_files(&shape), path, &text))
        .err()
        .must("refused");
    assert_eq!(codes(&refused), ["FH3104"], "{refused:?}");
}

#[tokio::test]
async fn an_append_only_table_that_nobody_makes() {
    let shape = shape().await;
    let path = "services/orders/service.yaml";
    let text = orders_files(&shape).0[Path::new(path)].replace("order_items", "order_itmes");
    let refused = orders_target_of(&shape, &with(orders_files(&shape), path, &text))
        .err()
        .must("refused");
    assert_eq!(codes(&refused), ["FH3109"], "{refused:?}");
}

#[tokio::test]
async fn an_applied_migration_that_was_edited_or_lost() {
    let shape = shape().await;
    apply(&[orders_target(&shape)], &|_| {}).await.must("apply");
    let path = "services/orders/migrations/0001_orders.up.sql";
    let text = orders_files(&shape).0[Path::new(path)].clone();

    let commented = [orders_target_of(
        &shape,
        &with(orders_files(&shape), path, &format!("/* why */\n{text}")),
    )
    .must("it parses")];
    assert!(plan(&commented).await.must("a comment changes nothing")[0].is_empty());

    let edited = [orders_target_of(
        &shape,
        &with(
            orders_files(&shape),
            path,
            &text.replace("VARCHAR(20)", "VARCHAR(30)"),
        ),
    )
    .must("it parses")];
    assert_eq!(
        codes(&plan(&edited).await.err().must("refused")),
        ["FH3201"]
    );

    let mut lost = orders_files(&shape);
    lost.0
        .retain(|file, _| !file.to_string_lossy().contains("0003_statuses"));
    let lost = [orders_target_of(&shape, &lost).must("it parses")];
    assert_eq!(
        codes(&apply(&lost, &|_| {}).await.err().must("refused")),
        ["FH3202"]
    );
}

#[tokio::test]
async fn a_rollback_past_what_cannot_be_rolled_back() {
    let shape = shape().await;
    let mut files = orders_files(&shape);
    files
        .0
        .retain(|file, _| !file.to_string_lossy().contains("0002_items.down"));
    let targets = [orders_target_of(&shape, &files).must("it parses")];
    apply(&targets, &|_| {}).await.must("apply");
    assert_eq!(
        codes(&rollback(&targets, Some(0)).await.err().must("refused")),
        ["FH3207"]
    );
    let plans = plan(&targets).await.must("nothing was undone");
    assert!(plans[0].is_empty());
}
