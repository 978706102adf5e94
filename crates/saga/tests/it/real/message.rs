//! What the executor relies on when it sends a batch as one message: each statement in its order,
//! all in the transaction that it began; after an error nothing of it stays, and the session works.

use freehold_engine::{Connection, TxMode, Value};
use freehold_model::EngineKind;
use freehold_testkit::Must as _;

use super::world::World;

async fn orders(program: &mut dyn Connection) -> Vec<String> {
    let sql = "SELECT order_id FROM orders ORDER BY order_id";
    let rows = program.query(sql, &[]).await.must("the orders");
    let id = |row: &Vec<Value>| row[0].text().unwrap_or_default().to_owned();
    rows.iter().map(id).collect()
}

async fn keeps_its_order(kind: EngineKind) {
    let Some(world) = World::of(kind).await else {
        return;
    };
    let one = if kind == EngineKind::Postgres {
        "$1"
    } else {
        "?"
    };
    let insert = format!("INSERT INTO orders (order_id) VALUES ({one})");
    let find = format!("SELECT order_id FROM orders WHERE order_id = {one}");
    let put = |id: &str| (insert.as_str(), vec![Value::from(id)]);
    let see = |id: &str| (find.as_str(), vec![Value::from(id)]);
    let mut program = world.enter(&world.app).await;
    // The same key twice is an error, whatever stands behind it.
    let bad = [put("a"), see("a"), put("a"), put("b")];
    let refused = program.begin_with(TxMode::Durable, &bad).await;
    refused.expect_err("a key that is there");
    program.rollback().await.must("rolled back");
    assert_eq!(orders(program.as_mut()).await, [""; 0], "{kind}: it stayed");
    for round in ["first", "again, prepared"] {
        let good = [see(round), put(round), see(round)];
        let answers = program.begin_with(TxMode::Durable, &good).await;
        let answers = answers.must("a good message");
        let seen: Vec<usize> = answers.iter().map(Vec::len).collect();
        assert_eq!(seen, [0, 0, 1], "{kind}: rows of each");
        program.commit().await.done().must("commit");
    }
    let left = [put("lost")];
    let begun = program.begin_with(TxMode::Durable, &left).await;
    begun.must("a good message");
    // A session that goes takes its open transaction with it.
    drop(program);
    let mut program = world.enter(&world.app).await;
    assert_eq!(orders(program.as_mut()).await, ["again, prepared", "first"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_one_transaction_on_sqlite() {
    keeps_its_order(EngineKind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_one_transaction_on_postgres() {
    keeps_its_order(EngineKind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_one_transaction_on_mariadb() {
    keeps_its_order(EngineKind::Mariadb).await;
}
