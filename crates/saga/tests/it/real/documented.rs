//! The SQL of `docs/guides/participants.md` is what it says, on every engine, as the program's own
//! login: whoever copies it has a barrier.

use freehold_engine::{Connection, TxMode};
use freehold_model::EngineKind;
use freehold_testkit::Must as _;
use freehold_testkit::sagashop::login;

use super::world::World;

const PAGE: &str = include_str!("../../../../../docs/guides/participants.md");

/// The statements of the block that begins with this line.
fn block(info: &str) -> Vec<String> {
    let fence = format!("```sql {info}\n");
    let (_, rest) = PAGE.split_once(&fence).must("the page has this block");
    let (text, _) = rest.split_once("```").must("the block ends");
    let statements = text.split(';').map(|it| it.trim().to_owned());
    statements.filter(|it| !it.is_empty()).collect()
}

async fn recorded(store: &mut dyn Connection) -> Vec<(String, String, String)> {
    let read = block("postgres read").remove(0);
    let read = read.replace(" FOR UPDATE", "") + " ORDER BY kind";
    let rows = store.query(&read, &[]).await.must("read");
    let text = |row: &Vec<freehold_engine::Value>, at: usize| {
        let text = row.get(at).and_then(freehold_engine::Value::text);
        text.unwrap_or_default().to_owned()
    };
    let all = rows.iter();
    all.map(|row| (text(row, 0), text(row, 1), text(row, 2)))
        .collect()
}

async fn says_what_it_does(kind: EngineKind, name: &str) {
    let Some(world) = World::of(kind).await else {
        return;
    };
    let payment = &world.shop.payment;
    let at = login(payment, &payment.want.identities.app.logins[0]).await;
    let mut store = payment.engine.connect(&at).await.must("the program enters");
    let store = store.as_mut();
    let action = block(&format!("{name} action"));
    let insert = action
        .iter()
        .find(|it| it.starts_with("INSERT"))
        .must("an insert");

    // The first acts.
    store.begin(TxMode::Durable).await.must("begun");
    for sql in &action {
        store.execute(sql).await.must("the action");
    }
    store.commit().await.done().must("committed");
    let done = |kind: &str, result: &str| (kind.to_owned(), "done".to_owned(), result.to_owned());
    let first = [done("action", "{\"paymentId\": 17}")];
    assert_eq!(recorded(store).await, first);

    // A duplicate finds it, and changes nothing.
    store.begin(TxMode::Durable).await.must("begun");
    match store.run(insert, &[]).await {
        Ok(rows) => assert_eq!(rows, 0, "a duplicate acts"),
        Err(error) => assert_eq!(error.kind, freehold_engine::ErrorKind::Unique),
    }
    store.rollback().await.must("rolled back");
    if kind != EngineKind::Sqlite {
        let locked = block("postgres read").remove(0);
        store.begin(TxMode::Durable).await.must("begun");
        store.query(&locked, &[]).await.must("read under its lock");
        store.rollback().await.must("rolled back");
    }

    for sql in block("undo") {
        store.run(&sql, &[]).await.must("the undo");
        assert!(store.run(&sql, &[]).await.is_err(), "undone twice");
    }
    assert_eq!(recorded(store).await.len(), 2);
    for sql in block("forget") {
        store.run(&sql, &[]).await.must("forgotten");
    }
    assert_eq!(recorded(store).await, []);
}

#[tokio::test]
async fn the_page_of_participants_holds_on_sqlite() {
    says_what_it_does(EngineKind::Sqlite, "sqlite").await;
}

#[tokio::test]
async fn the_page_of_participants_holds_on_postgres() {
    says_what_it_does(EngineKind::Postgres, "postgres").await;
}

#[tokio::test]
async fn the_page_of_participants_holds_on_mariadb() {
    says_what_it_does(EngineKind::Mariadb, "mariadb").await;
}
