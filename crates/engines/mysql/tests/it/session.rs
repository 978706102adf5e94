//! Calls of the contract that any engine has: locks, peers, ledger, schema, values.

use std::collections::BTreeMap;

use freehold_engine::{Commit, Engine, ErrorKind, TxMode, Value};
use freehold_mysql::Mysql;

use crate::world::{Admin, World};

#[tokio::test]
async fn what_a_session_does() {
    let Some(world) = World::new(
        Admin::Plain,
        &[
            ("general-log", "ON"),
            ("log-output", "FILE"),
            ("general-log-file", "general.log"),
            ("log-bin", "binlog"),
        ],
    )
    .await
    else {
        return;
    };
    world.with_tables().await;
    locks(&world).await;
    peers(&world).await;
    ledger(&world).await;
    values(&world).await;
    schema(&world).await;
    crash_in_the_middle(&world).await;
    silence(&world).await;
}

async fn locks(world: &World) {
    let (mut one, mut two) = (world.as_admin().await, world.as_admin().await);
    assert!(one.try_lock(&world.want.mark()).await.unwrap());
    one.execute("CREATE TABLE IF NOT EXISTS orders.ddl_in_between (id INT)")
        .await
        .unwrap();
    assert!(!two.try_lock(&world.want.mark()).await.unwrap());
    assert!(two.try_lock("freehold:bookvault/other/main").await.unwrap());
    one.execute("DROP TABLE orders.ddl_in_between")
        .await
        .unwrap();
    one.unlock(&world.want.mark()).await.unwrap();
    one.unlock(&world.want.mark()).await.unwrap();
    assert!(two.try_lock(&world.want.mark()).await.unwrap());
    let id = two.session_id().await.unwrap();
    assert!(one.terminate(id).await.unwrap());
    for _ in 0..100 {
        if one.try_lock(&world.want.mark()).await.unwrap() {
            assert!(two.execute("SELECT 1").await.is_err() && two.broken());
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the lock of a session that is gone was never free");
}

async fn peers(world: &World) {
    let mut admin = world.as_admin().await;
    assert_eq!(admin.peers(&world.want).await.unwrap(), []);
    let mut app = world.log_in("orders_app_1").await;
    let id = app.session_id().await.unwrap();
    let found = admin.peers(&world.want).await.unwrap();
    assert_eq!(
        found
            .iter()
            .map(|peer| (peer.id, peer.user.as_str()))
            .collect::<Vec<_>>(),
        [(id, "orders_app_1")]
    );
    assert!(admin.terminate(id).await.unwrap());
    assert!(!admin.terminate(999_999).await.unwrap());
    let own = admin.session_id().await.unwrap();
    assert!(!admin.terminate(own).await.unwrap(), "never itself");
}

async fn ledger(world: &World) {
    let sql = Mysql.ledger(&world.want);
    let mut admin = world.as_admin().await;
    admin.assume_owner(&world.want).await.unwrap();
    let row = |state: &str| -> Vec<Value> {
        vec![
            "migration".into(),
            "0001_a".into(),
            "sum".into(),
            Value::Null,
            state.into(),
            1.into(),
            2.into(),
            "{}".into(),
        ]
    };
    admin.run(&sql.put, &row("running")).await.unwrap();
    admin.run(&sql.put, &row("done")).await.unwrap();
    admin
        .run(&sql.put, &{
            let mut other = row("done");
            other[1] = "0001_A".into();
            other
        })
        .await
        .unwrap();
    let rows = admin.query(&sql.read, &[]).await.unwrap();
    assert_eq!(rows.len(), 2, "keys differ by case: {rows:?}");
    let found = &rows[1];
    assert_eq!(
        (
            found[1].text(),
            found[3].clone(),
            found[4].text(),
            found[6].int()
        ),
        (Some("0001_a"), Value::Null, Some("done"), Some(2))
    );
    let at = found[8].text().unwrap();
    assert!(
        at.len() == 27 && at.ends_with('Z') && at.as_bytes()[10] == b'T',
        "{at}"
    );
    for id in ["0001_a", "0001_A"] {
        assert_eq!(
            admin
                .run(&sql.delete, &["migration".into(), id.into()])
                .await
                .unwrap(),
            1
        );
    }
}

async fn values(world: &World) {
    let mut admin = world
        .connect(&Mysql.at_store(&world.admin, &world.want.spot))
        .await;
    let question = "SELECT 1, 1.5E0, 'ä', X'00FF', NULL, 18446744073709551615, CAST('2026-01-02' AS DATE), \
         CAST('2026-01-02 03:04:05' AS DATETIME(6)), CAST('-03:04:05' AS TIME)";
    let as_text = admin.query(question, &[]).await.unwrap();
    let prepared = admin
        .query(&format!("{question} FROM DUAL WHERE 1 = ?"), &[1.into()])
        .await
        .unwrap();
    assert_eq!(as_text, prepared);
    assert_eq!(
        as_text[0][..5],
        [
            1.into(),
            Value::F64(1.5),
            "ä".into(),
            Value::Bytes(vec![0, 255]),
            Value::Null
        ]
    );
    assert_eq!(as_text[0][7], Value::from("2026-01-02 03:04:05.000000"));
    admin.begin(TxMode::Write).await.unwrap();
    admin
        .execute("INSERT INTO orders (id, note) VALUES (7, 'same')")
        .await
        .unwrap();
    assert_eq!(
        admin
            .run("UPDATE orders SET note = ? WHERE id = 7", &["same".into()])
            .await
            .unwrap(),
        1,
        "matched, not changed"
    );
    assert!(matches!(admin.commit().await, Commit::Done));
    admin.begin(TxMode::ReadOnly).await.unwrap();
    assert_eq!(
        admin.execute("DELETE FROM orders").await.unwrap_err().kind,
        ErrorKind::Denied
    );
    admin.rollback().await.unwrap();
    admin.rollback().await.unwrap();
    assert_eq!(
        admin
            .execute("INSERT INTO orders (id) VALUES (7)")
            .await
            .unwrap_err()
            .kind,
        ErrorKind::Unique
    );
    assert_eq!(
        admin
            .execute("SELECT * FROM nothing")
            .await
            .unwrap_err()
            .kind,
        ErrorKind::Missing
    );
    assert_eq!(
        admin.execute("SELEC 1").await.unwrap_err().kind,
        ErrorKind::Invalid
    );
    admin
        .execute("DELETE FROM orders WHERE id = 7")
        .await
        .unwrap();
}

async fn schema(world: &World) {
    let mut admin = world.as_admin().await;
    let one = admin.schema(&world.want).await.unwrap();
    assert_eq!(
        one.keys().collect::<Vec<_>>(),
        [
            "procedure touch",
            "table order_items",
            "table orders",
            "view recent"
        ]
    );
    let mut app = world.log_in("orders_app_1").await;
    for _ in 0..3 {
        app.execute("INSERT INTO orders (note) VALUES ('x')")
            .await
            .unwrap();
    }
    assert_eq!(
        admin.schema(&world.want).await.unwrap(),
        one,
        "rows are no schema"
    );
    let all: BTreeMap<_, _> = one
        .iter()
        .filter(|(_, text)| text.contains("orders_owner") || text.contains("AUTO_INCREMENT="))
        .collect();
    assert!(all.is_empty(), "{all:?}");
    world
        .migrate(&["ALTER TABLE orders ADD COLUMN extra INT"])
        .await;
    let changed = admin.schema(&world.want).await.unwrap();
    assert_ne!(changed["table orders"], one["table orders"]);
    world
        .migrate(&["ALTER TABLE orders DROP COLUMN extra"])
        .await;
    assert_eq!(admin.schema(&world.want).await.unwrap(), one);
}

/// Every statement of making a store is the last one before a crash, once.
async fn crash_in_the_middle(world: &World) {
    let mut want = world.want.clone();
    "shop".clone_into(&mut want.service);
    "shop".clone_into(&mut want.spot.database);
    let names = &mut want.identities;
    let fixed = [
        &mut names.owner,
        &mut names.sidecar,
        &mut names.backup,
        &mut names.issuer,
    ];
    for name in fixed.into_iter().chain(&mut names.app.logins) {
        *name = name.replace("orders", "shop");
    }
    let mut admin = world.as_admin().await;
    for crash_after in 0..60 {
        let live = admin.inspect(&want).await.unwrap();
        let diff = Mysql.diff(admin.probe(), &want, &live);
        assert_eq!(
            diff.refused,
            [],
            "after a crash at statement {crash_after} the store is its own no more"
        );
        let Some(step) = diff.steps.first() else {
            assert!(crash_after > 6, "made in {crash_after} statements");
            return;
        };
        // One statement of the first step, then everything anew.
        let mut cut = step.clone();
        cut.sql.truncate(1 + usize::from(crash_after % 2 == 1));
        admin
            .apply(&cut, &freehold_engine::Verifiers::new())
            .await
            .unwrap();
        if crash_after % 2 == 0 {
            // The step is finished only by the next round, from its beginning.
            let live = admin.inspect(&want).await.unwrap();
            let again = Mysql.diff(admin.probe(), &want, &live);
            assert_eq!(again.refused, []);
            if let Some(step) = again.steps.first() {
                admin
                    .apply(step, &freehold_engine::Verifiers::new())
                    .await
                    .unwrap();
            }
        }
    }
    panic!("the store was never finished");
}

/// The server's own log says what was sent: a plan sends no change, and no password is anywhere.
async fn silence(world: &World) {
    let general = world
        .ask("SELECT CONCAT(@@datadir, @@general_log_file)")
        .await;
    let marker = "SELECT 'here the silent plan begins'";
    world.ask(marker).await;
    assert_eq!(world.diff().await.steps, []);
    let password = world.issue("orders_app_1").await;
    world.try_log_in("orders_app_1", &password).await.unwrap();
    let log = std::fs::read_to_string(&general).unwrap();
    let plan = log.rsplit(marker).next().unwrap();
    let inspected = &plan[..plan.find("Prepare\tCALL ").expect("the issuer was called")];
    let sent: Vec<&str> = inspected
        .lines()
        .filter_map(|line| line.split_once("Query\t"))
        .map(|(_, sql)| sql)
        .collect();
    assert!(
        sent.len() > 8 && !inspected.contains("Prepare\t"),
        "the log says what was sent: {sent:?}"
    );
    for sql in sent {
        let reads = [
            "SELECT ",
            "SHOW ",
            "SET SESSION ",
            "START TRANSACTION READ ONLY",
            "COMMIT",
        ];
        assert!(reads.iter().any(|word| sql.starts_with(word)), "{sql}");
    }
    let data = std::path::Path::new(&general).parent().unwrap();
    for file in std::fs::read_dir(data)
        .unwrap()
        .filter_map(Result::ok)
        .filter(|file| file.path().is_file())
    {
        let bytes = std::fs::read(file.path()).unwrap();
        let found = bytes
            .windows(password.expose().len())
            .any(|window| window == password.expose().as_bytes());
        assert!(!found, "a password is in {}", file.path().display());
    }
}
