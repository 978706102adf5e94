//! Append-only tables: what programs may, what the owner may, what brings the triggers back.

use freehold_engine::{Change, Connection, ErrorKind, Subject, TxMode, Value};

use crate::support::Stores;

async fn quantities(connection: &mut dyn Connection) -> Vec<i64> {
    let rows = connection
        .query("SELECT quantity FROM order_items ORDER BY 1", &[])
        .await
        .expect("read");
    rows.iter().filter_map(|row| row[0].int()).collect()
}

#[tokio::test]
async fn programs_may_insert_and_read_only() {
    let stores = Stores::new();
    stores.filled().await;
    let mut app = stores.app().await;
    for sql in [
        "UPDATE order_items SET quantity = 9",
        "DELETE FROM order_items",
        "INSERT OR REPLACE INTO order_items VALUES (1, 1, 9)",
        "REPLACE INTO order_items VALUES (1, 1, 9)",
        "INSERT INTO order_items VALUES (1, 1, 9) ON CONFLICT DO UPDATE SET quantity = 9",
    ] {
        let error = app.run(sql, &[]).await.expect_err(sql);
        assert_eq!(error.kind, ErrorKind::Denied, "{sql}: {error}");
        assert!(
            error
                .to_string()
                .contains("FH3130: order_items is append-only"),
            "{error}"
        );
        app.begin(TxMode::Write).await.expect("begun");
        app.run(sql, &[])
            .await
            .expect_err("in a transaction of a login neither");
        app.rollback().await.expect("rolled back");
    }
    app.run(
        "INSERT INTO order_items VALUES (1, 1, 9) ON CONFLICT DO NOTHING",
        &[],
    )
    .await
    .expect("harmless");
    let rows = app
        .query(
            "INSERT INTO order_items (order_id, quantity) VALUES (1, 5) RETURNING order_item_id",
            &[],
        )
        .await;
    assert_eq!(rows.expect("inserted"), [[Value::I64(3)]]);
    assert_eq!(quantities(&mut *app).await, [2, 3, 5]);
}

#[tokio::test]
async fn the_owner_writes_and_nobody_else_meanwhile_or_afterwards() {
    let stores = Stores::new();
    stores.filled().await;
    let mut owner = stores.store().await;
    owner.begin(TxMode::Write).await.expect("begun");
    assert_eq!(
        owner
            .run("UPDATE order_items SET quantity = quantity + 1", &[])
            .await
            .expect("written"),
        2
    );
    let seen = owner.inspect(&stores.want).await.expect("looked");
    assert!(
        seen.facts.is_empty(),
        "its own sign is no drift: {:?}",
        seen.facts
    );
    let sign = "SELECT owner_at_work FROM freehold_mark";
    let mut app = stores.app().await;
    assert_eq!(app.query(sign, &[]).await.expect("read"), [[Value::I64(0)]]);
    owner.commit().await.done().expect("committed");
    assert_eq!(app.query(sign, &[]).await.expect("read"), [[Value::I64(0)]]);
    app.run("DELETE FROM order_items", &[])
        .await
        .expect_err("the triggers are there");
    owner.begin(TxMode::Write).await.expect("begun");
    owner
        .run("DELETE FROM order_items", &[])
        .await
        .expect("written");
    owner.rollback().await.expect("rolled back");
    assert_eq!(quantities(&mut *owner).await, [3, 4]);
    assert_eq!(stores.diff().await.steps, []);
}

#[tokio::test]
async fn an_assumed_owner_is_one() {
    let stores = Stores::new();
    stores.filled().await;
    let mut app = stores.app().await;
    app.assume_owner(&stores.want).await.expect("assumed");
    app.begin(TxMode::Write).await.expect("begun");
    app.run("DELETE FROM order_items", &[])
        .await
        .expect("written");
    app.commit().await.done().expect("committed");
}

#[tokio::test]
async fn triggers_lost_or_left_are_drift() {
    let mut stores = Stores::new();
    stores.filled().await;
    let mut owner = stores.store().await;
    owner
        .execute("DROP TRIGGER freehold_append_only_order_items_delete")
        .await
        .expect("dropped");
    assert_eq!(
        stores.apply().await,
        [(Change::Add, Subject::Grant, "order_items".to_owned())]
    );
    // As a migration rebuilds a table: its triggers go with the old one.
    owner.begin(TxMode::Write).await.expect("begun");
    for sql in [
        "CREATE TABLE new_items (order_item_id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL, quantity INTEGER NOT NULL)",
        "INSERT INTO new_items SELECT * FROM order_items",
        "DROP TABLE order_items",
        "ALTER TABLE new_items RENAME TO order_items",
    ] {
        owner.execute(sql).await.expect(sql);
    }
    owner.commit().await.done().expect("committed");
    assert_eq!(stores.apply().await.len(), 1);
    owner
        .execute("UPDATE freehold_mark SET owner_at_work = 1")
        .await
        .expect("tampered");
    assert_eq!(
        stores.apply().await,
        [(Change::Change, Subject::Access, "freehold_mark".to_owned())]
    );
    stores.want.append_only.clear();
    assert_eq!(stores.apply().await.len(), 2);
    stores
        .app()
        .await
        .run("DELETE FROM order_items", &[])
        .await
        .expect("a plain table now");
}

#[tokio::test]
async fn a_renamed_table_takes_its_rule_off_and_the_new_one_gets_it() {
    let mut stores = Stores::new();
    stores.filled().await;
    stores
        .store()
        .await
        .execute("ALTER TABLE order_items RENAME TO lines")
        .await
        .expect("renamed");
    stores.want.append_only = ["lines".to_owned()].into();
    stores.apply().await;
    stores
        .app()
        .await
        .run("DELETE FROM lines", &[])
        .await
        .expect_err("append-only under its new name");
}
