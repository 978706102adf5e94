//! The event plane on a real server: made and gone, who may do what, in which order numbers are
//! taken, and that a look at the outbox gives each row once. A mutant for each claim of order.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use freehold_engine::{
    Alarm, Connection, CopyWant, Engine, EventSql, Keep, Plane, Polled, TxMode, Value,
};
use freehold_mysql::Mysql;

use crate::world::{Admin, World, orders};

/// As in DOMAIN: one event, one copy, today's rows of the event.
pub(crate) fn plane() -> Plane {
    let snapshot = "SELECT id, JSON_OBJECT('id', id, 'note', note) FROM orders";
    let copy = CopyWant {
        key: vec!["book_id".to_owned()],
        columns: vec!["title".to_owned(), "in_print".to_owned(), "more".to_owned()],
        version: Some("version_number".to_owned()),
        source: Some("source_service".to_owned()),
        occurred_at: Some("last_updated".to_owned()),
        ..CopyWant::default()
    };
    Plane {
        publishes: true,
        snapshots: BTreeMap::from([("order.noted.v1".to_owned(), snapshot.to_owned())]),
        copies: BTreeMap::from([("book_cache".to_owned(), copy)]),
        ..Plane::default()
    }
}

pub(crate) const BOOK_CACHE: &str = "CREATE TABLE book_cache (book_id BIGINT PRIMARY KEY, title VARCHAR(100) NOT NULL, in_print BOOLEAN NULL, \
     more JSON NULL, version_number BIGINT NOT NULL, source_service VARCHAR(60) NOT NULL, last_updated DATETIME(6) NULL, isbn VARCHAR(20) NULL UNIQUE)";

async fn world(admin: Admin, settings: &[(&str, &str)]) -> Option<World> {
    let mut world = World::new(admin, settings).await?;
    world.want.plane = plane();
    world.with_tables().await;
    world.migrate(&[BOOK_CACHE]).await;
    world.converge().await;
    Some(world)
}

fn sql() -> EventSql {
    let want = freehold_engine::Want {
        plane: plane(),
        ..orders()
    };
    Mysql.events(&want).unwrap()
}

/// As any program would.
async fn insert(program: &mut dyn Connection, key: &str, version: i64) {
    let sql =
        "INSERT INTO freehold_outbox (topic, `key`, payload) VALUES ('book.changed.v1', ?, ?)";
    let payload = format!("{{\"version\": {version}}}");
    program
        .run(sql, &[key.into(), payload.into()])
        .await
        .unwrap();
}

async fn committed(program: &mut dyn Connection, key: &str, version: i64) {
    program.begin(TxMode::Write).await.unwrap();
    insert(program, key, version).await;
    program.commit().await.done().unwrap();
}

async fn look(sidecar: &mut dyn Connection, world: &World, cursor: &str, page: usize) -> Polled {
    sidecar.begin(TxMode::Relay).await.unwrap();
    let polled = sidecar.poll_outbox(&world.want, cursor, page).await;
    sidecar.commit().await.done().unwrap();
    polled.unwrap()
}

fn versions(polled: &Polled) -> Vec<i64> {
    let version = |payload: &str| {
        let digits: String = payload.chars().filter(char::is_ascii_digit).collect();
        digits.parse().unwrap()
    };
    let payloads = polled.rows.iter().map(|row| row.payload.as_deref());
    payloads.map(|payload| version(payload.unwrap())).collect()
}

#[tokio::test]
async fn it_is_made_once_and_goes_with_the_store() {
    for admin in [Admin::Super, Admin::Plain] {
        let Some(world) = world(admin, &[]).await else {
            return;
        };
        assert_eq!(
            world
                .ask("SELECT COUNT(*), MAX(slot) FROM orders.freehold_outbox_slot")
                .await,
            "1024 1023"
        );
        // The next look puts right what somebody took away or changed.
        world
            .by_hand(&[
                "DROP TRIGGER orders.freehold_outbox_number",
                "DROP FUNCTION orders.freehold_lock",
                "DROP VIEW orders.freehold_snapshot_order_noted_v1",
            ])
            .await;
        let mended = world.converge().await;
        assert_eq!(mended.refused, []);
        let mut program = world.log_in("orders_app_1").await;
        committed(&mut *program, "1", 1).await;
        // Without its trigger the outbox takes nothing.
        world
            .by_hand(&["DROP TRIGGER orders.freehold_outbox_number"])
            .await;
        let insert = "INSERT INTO freehold_outbox (topic, `key`) VALUES ('a.v1', 'k')";
        program.execute(insert).await.unwrap_err();
        drop(program);
        world.drop_store(Keep::default()).await;
        let left = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'orders' \
                    UNION ALL SELECT COUNT(*) FROM mysql.procs_priv WHERE Db = 'orders' \
                    UNION ALL SELECT COUNT(*) FROM mysql.columns_priv WHERE Db = 'orders'";
        assert_eq!(world.ask(left).await, "0\n0\n0");
    }
}

#[tokio::test]
async fn a_server_that_trusts_no_function_creators_is_refused() {
    let settings = [("log-bin", "binlog")];
    let Some(mut world) = World::new(Admin::Plain, &settings).await else {
        return;
    };
    world.want.plane = plane();
    let refused: Vec<&str> = world
        .diff()
        .await
        .refused
        .iter()
        .map(|it| it.code)
        .collect();
    assert_eq!(refused, ["FH3135"]);
    world
        .by_hand(&["SET GLOBAL log_bin_trust_function_creators = 1"])
        .await;
    assert_eq!(world.diff().await.refused, []);
    world.converge().await;
}

/// One key, two transactions: the first inserts before and after the second began to. Versions in
/// the order of ids.
async fn interleaved(world: &World) -> Vec<i64> {
    let mut first = world.log_in("orders_app_1").await;
    let password = world.issue("orders_app_2").await;
    let mut second = world.try_log_in("orders_app_2", &password).await.unwrap();
    first.begin(TxMode::Write).await.unwrap();
    insert(&mut *first, "k", 1).await;
    let (tell, told) = tokio::sync::oneshot::channel();
    let waiting = tokio::spawn(async move {
        second.begin(TxMode::Write).await.unwrap();
        tell.send(second.session_id().await.unwrap()).unwrap();
        insert(&mut *second, "k", 3).await;
        second.commit().await.done().unwrap();
    });
    let id = told.await.unwrap();
    // It waits in the trigger, for the key's slot.
    let inserting = format!(
        "SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_mysql_thread_id = {id} AND trx_state = 'LOCK WAIT'"
    );
    let mut waits = false;
    for _ in 0..200 {
        // The server shows what it saw last to whoever asks again within 100 ms.
        tokio::time::sleep(Duration::from_millis(150)).await;
        waits = world.ask(&inserting).await == "1";
        if waits {
            break;
        }
    }
    assert!(waits, "the second has to wait");
    insert(&mut *first, "k", 2).await;
    first.commit().await.done().unwrap();
    waiting.await.unwrap();
    let ids = world
        .ask("SELECT id FROM orders.freehold_outbox ORDER BY id")
        .await;
    assert_eq!(ids.lines().count(), 3);
    let found = world
        .ask("SELECT JSON_EXTRACT(payload, '$.version') FROM orders.freehold_outbox WHERE `key` = 'k' ORDER BY id")
        .await;
    found.lines().map(|line| line.parse().unwrap()).collect()
}

#[tokio::test]
async fn numbers_are_taken_in_the_order_of_commits() {
    let Some(world) = world(Admin::Super, &[]).await else {
        return;
    };
    assert_eq!(interleaved(&world).await, [1, 2, 3]);
    // The mutant takes the number first and then locks.
    let number = if world.is_mysql() {
        "INSERT INTO orders.freehold_outbox_id () VALUES (); SET NEW.id = LAST_INSERT_ID();"
    } else {
        "SET NEW.id = NEXTVAL(orders.freehold_outbox_id);"
    };
    let mutant = format!(
        "CREATE DEFINER = orders_owner@'127.0.0.1' TRIGGER orders.freehold_outbox_number BEFORE INSERT ON orders.freehold_outbox FOR EACH ROW \
         BEGIN DECLARE taken SMALLINT UNSIGNED; {number} \
         SELECT slot INTO taken FROM orders.freehold_outbox_slot WHERE slot = CRC32(NEW.`key`) MOD 1024 FOR UPDATE; END"
    );
    world
        .by_hand(&[
            "DELETE FROM orders.freehold_outbox",
            "DROP TRIGGER orders.freehold_outbox_number",
            &mutant,
        ])
        .await;
    assert_eq!(
        interleaved(&world).await,
        [1, 3, 2],
        "the mutant has to die"
    );
}

/// Whose transaction is open when its row would be read is given later, and what never commits is
/// forgotten.
#[tokio::test]
async fn a_look_gives_each_row_once() {
    let Some(world) = world(Admin::Super, &[]).await else {
        return;
    };
    let (mut slow, mut quick) = (
        world.log_in("orders_app_1").await,
        world.log_in("orders_app_2").await,
    );
    let mut sidecar = world.log_in("orders_sidecar").await;
    slow.begin(TxMode::Write).await.unwrap();
    insert(&mut *slow, "a", 1).await;
    committed(&mut *quick, "b", 2).await;
    let first = look(&mut *sidecar, &world, "", 100).await;
    assert_eq!((versions(&first), first.last_page), (vec![2], true));
    assert_eq!(first.cursor, "2|1");
    // For longer than a sweep rests: who holds a slot is waited for.
    let mut cursor = first.cursor;
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(1_200) {
        let polled = look(&mut *sidecar, &world, &cursor, 100).await;
        assert_eq!((polled.rows.len(), polled.cursor.as_str()), (0, "2|1"));
        cursor = polled.cursor;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    slow.commit().await.done().unwrap();
    let second = look(&mut *sidecar, &world, &cursor, 100).await;
    assert_eq!((versions(&second), second.cursor.as_str()), (vec![1], "2"));
    // A mutant that remembers the last id it saw has lost it.
    let last_seen = sidecar
        .query("SELECT id FROM freehold_outbox WHERE id > 2", &[])
        .await;
    assert_eq!(last_seen.unwrap().len(), 0, "the mutant has to die");
    // What was rolled back is forgotten.
    slow.begin(TxMode::Write).await.unwrap();
    insert(&mut *slow, "a", 3).await;
    slow.rollback().await.unwrap();
    committed(&mut *quick, "b", 4).await;
    let mut cursor = second.cursor;
    let mut given = Vec::new();
    for _ in 0..2_000 {
        let polled = look(&mut *sidecar, &world, &cursor, 100).await;
        given.extend(versions(&polled));
        cursor = polled.cursor;
        if !cursor.contains('|') && !given.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!((given, cursor.as_str()), (vec![4], "4"));
}

/// Asleep, the relay asks one small question now and then; while a row is missing it looks.
#[tokio::test]
async fn a_sleeping_relay_is_woken() {
    let Some(world) = world(Admin::Super, &[]).await else {
        return;
    };
    let mut sidecar = world.log_in("orders_sidecar").await;
    let mut program = world.log_in("orders_app_1").await;
    committed(&mut *program, "a", 1).await;
    let polled = look(&mut *sidecar, &world, "", 100).await;
    let armed = sidecar.arm_outbox(&world.want).await.unwrap();
    assert_eq!((polled.cursor.as_str(), armed), ("1", Alarm::Armed));
    // Far longer than anybody would wait: only the commit ends it.
    let wait = sidecar.wait_outbox(&world.want, Duration::from_mins(10));
    let (woken, ()) = tokio::join!(wait, committed(&mut *program, "a", 2));
    woken.unwrap();
    let polled = look(&mut *sidecar, &world, "1", 100).await;
    assert_eq!(versions(&polled), [2]);
    // What is missing would come below: nobody would be told.
    let mut slow = world.log_in("orders_app_2").await;
    slow.begin(TxMode::Write).await.unwrap();
    insert(&mut *slow, "b", 3).await;
    committed(&mut *program, "a", 4).await;
    look(&mut *sidecar, &world, "2", 100).await;
    let armed = sidecar.arm_outbox(&world.want).await.unwrap();
    assert!(matches!(armed, Alarm::Deaf(_)));
}

/// A transaction that was prepared holds its key's slot also when its session is gone.
#[tokio::test]
async fn a_prepared_transaction_is_waited_for() {
    let Some(world) = world(Admin::Super, &[]).await else {
        return;
    };
    let mut prepared = world.log_in("orders_app_1").await;
    prepared.execute("XA START 'order'").await.unwrap();
    insert(&mut *prepared, "a", 1).await;
    prepared.execute("XA END 'order'").await.unwrap();
    prepared.execute("XA PREPARE 'order'").await.unwrap();
    drop(prepared);
    let mut quick = world.log_in("orders_app_2").await;
    committed(&mut *quick, "b", 2).await;
    let mut sidecar = world.log_in("orders_sidecar").await;
    let first = look(&mut *sidecar, &world, "", 100).await;
    assert_eq!((versions(&first), first.cursor.as_str()), (vec![2], "2|1"));
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(1_200) {
        let polled = look(&mut *sidecar, &world, "2|1", 100).await;
        assert_eq!((polled.rows.len(), polled.cursor.as_str()), (0, "2|1"));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    world.by_hand(&["XA COMMIT 'order'"]).await;
    let second = look(&mut *sidecar, &world, "2|1", 100).await;
    assert_eq!((versions(&second), second.cursor.as_str()), (vec![1], "2"));
}

/// More than a page above the high water, and more than a page that was missing.
#[tokio::test]
async fn pages_are_in_order_and_whole() {
    let Some(world) = world(Admin::Super, &[]).await else {
        return;
    };
    let (mut slow, mut quick) = (
        world.log_in("orders_app_1").await,
        world.log_in("orders_app_2").await,
    );
    let mut sidecar = world.log_in("orders_sidecar").await;
    slow.begin(TxMode::Write).await.unwrap();
    for version in 0..250 {
        insert(&mut *slow, "slow", version * 2).await;
        committed(&mut *quick, "quick", version * 2 + 1).await;
    }
    let mut seen = BTreeSet::new();
    let (mut slow_seen, mut quick_seen) = (Vec::new(), Vec::new());
    let mut take = |polled: &Polled| {
        assert!(polled.rows.len() <= 20);
        assert!(polled.rows.windows(2).all(|pair| pair[0].id < pair[1].id));
        for (row, version) in polled.rows.iter().zip(versions(polled)) {
            assert!(seen.insert(row.id), "{} came twice", row.id);
            let of_key = if row.key == "slow" {
                &mut slow_seen
            } else {
                &mut quick_seen
            };
            of_key.push(version);
        }
    };
    let mut cursor = String::new();
    for _ in 0..6 {
        let polled = look(&mut *sidecar, &world, &cursor, 20).await;
        assert!(!polled.last_page);
        take(&polled);
        cursor = polled.cursor;
    }
    slow.commit().await.done().unwrap();
    committed(&mut *quick, "slow", 500).await;
    loop {
        let polled = look(&mut *sidecar, &world, &cursor, 20).await;
        take(&polled);
        cursor = polled.cursor;
        if polled.last_page {
            break;
        }
    }
    let slow_expected: Vec<i64> = (0..=250).map(|version| version * 2).collect();
    let quick_expected: Vec<i64> = (0..250).map(|version| version * 2 + 1).collect();
    assert_eq!((slow_seen, quick_seen), (slow_expected, quick_expected));
    assert_eq!(cursor, "501");
}

/// A program may give an event its id, and nothing else of what the server decides; what no reader
/// could read does not get in.
#[tokio::test]
async fn what_a_program_may_say() {
    let Some(world) = world(Admin::Super, &[]).await else {
        return;
    };
    let mut program = world.log_in("orders_app_1").await;
    program
        .query("SELECT freehold_lock('5')", &[])
        .await
        .unwrap();
    let said = "INSERT INTO freehold_outbox (event_id, topic, `key`, payload, headers) \
                VALUES ('00112233-4455-6677-8899-AABBCCDDEEFF', 'a.b_c.v12', 'ключ 🔑', NULL, '{\"traceparent\": \"00-x\"}')";
    program.execute(said).await.unwrap();
    for refused in [
        "INSERT INTO freehold_outbox (id, topic, `key`) VALUES (7, 'a.v1', 'k')",
        "INSERT INTO freehold_outbox (occurred_at, topic, `key`) VALUES (NOW(), 'a.v1', 'k')",
        "INSERT INTO freehold_outbox (topic, `key`) VALUES ('A.v1', 'k')",
        "INSERT INTO freehold_outbox (topic, `key`) VALUES ('a', 'k')",
        "INSERT INTO freehold_outbox (topic, `key`, payload) VALUES ('a.v1', 'k', '{')",
        "INSERT INTO freehold_outbox (topic, `key`, headers) VALUES ('a.v1', 'k', 'x')",
        "INSERT INTO freehold_outbox (event_id, topic, `key`) VALUES ('no uuid', 'a.v1', 'k')",
        "INSERT INTO freehold_outbox (topic, `key`) VALUES ('a.v1', REPEAT('ключ', 200))",
    ] {
        program.execute(refused).await.expect_err(refused);
    }
    let mut sidecar = world.log_in("orders_sidecar").await;
    let polled = look(&mut *sidecar, &world, "", 10).await;
    let [row] = &polled.rows[..] else {
        panic!("{polled:?}");
    };
    assert_eq!(row.event_id[..3], [0, 0x11, 0x22]);
    assert_eq!(
        (row.topic.as_str(), row.key.as_str()),
        ("a.b_c.v12", "ключ 🔑")
    );
    assert_eq!(
        (row.payload.as_deref(), row.headers.is_some()),
        (None, true)
    );
    let clock = sidecar.query(&sql().identity, &[]).await.unwrap();
    let now = clock[0][0].int().unwrap();
    assert!((now - row.occurred_at).abs() < 60_000_000, "{row:?}");
    let again = sidecar.query(&sql().identity, &[]).await.unwrap();
    assert_eq!(clock[0][1], again[0][1], "one life of the server");
}

async fn change(sidecar: &mut dyn Connection, statements: &[String], args: &[Value]) -> bool {
    sidecar.begin(TxMode::Write).await.unwrap();
    for sql in statements {
        if sidecar.run(sql, args).await.is_err() {
            sidecar.rollback().await.unwrap();
            return false;
        }
    }
    sidecar.commit().await.done().unwrap();
    true
}

fn row(book: i64, title: &str, version: i64, stamp: &str) -> String {
    format!(
        "[{{\"book_id\": {book}, \"title\": \"{title}\", \"in_print\": true, \"more\": {{\"a\": [1, \"true\"]}}, \"version_number\": {version}, \
         \"source_service\": \"catalog\", \"last_updated\": \"2026-11-21T12:00:00.250000Z\", \"freehold_key\": \"{book}\", \"freehold_stamp\": \"{stamp}\"}}]"
    )
}

const LARGE: i64 = 9_007_199_254_740_993;

#[tokio::test]
async fn the_newer_wins_and_the_dead_stay_dead() {
    let Some(world) = world(Admin::Super, &[]).await else {
        return;
    };
    let sql = sql();
    let (put, delete) = (&sql.copy_put["book_cache"], &sql.copy_delete["book_cache"]);
    let mut sidecar = world.log_in("orders_sidecar").await;
    let mut copied = world.log_in("orders_app_1").await;
    let title =
        "SELECT title, in_print, version_number FROM book_cache WHERE book_id = 9007199254740993";
    for (text, version, expected) in [
        ("E\\\"mma", 3, "E\"mma"),
        ("old", 2, "E\"mma"),
        ("null", 4, "null"),
    ] {
        let rows = row(LARGE, text, version, "a1");
        assert!(change(&mut *sidecar, put, &[rows.into()]).await);
        let found = copied.query(title, &[]).await.unwrap();
        assert_eq!(found[0][0].text(), Some(expected));
        assert_eq!(found[0][1].int(), Some(1));
    }
    assert_eq!(
        world
            .ask("SELECT last_updated, JSON_EXTRACT(more, '$.a[1]') FROM orders.book_cache")
            .await,
        "2026-11-21 12:00:00.250000 \"true\""
    );
    // A neighbour that differs by less than a float can tell stays.
    assert!(
        change(
            &mut *sidecar,
            put,
            &[row(LARGE - 1, "near", 1, "a1").into()]
        )
        .await
    );
    let gone = format!(
        "[{{\"book_id\": \"{LARGE}\", \"freehold_key\": \"{LARGE}\", \"freehold_stamp\": \"b5\"}}]"
    );
    assert!(change(&mut *sidecar, delete, &[gone.into()]).await);
    let ids = "SELECT GROUP_CONCAT(book_id) FROM orders.book_cache";
    assert_eq!(world.ask(ids).await, (LARGE - 1).to_string());
    // Nothing older brings it back, and something newer does.
    assert!(change(&mut *sidecar, put, &[row(LARGE, "ghost", 9, "b4").into()]).await);
    assert_eq!(world.ask(ids).await, (LARGE - 1).to_string());
    assert!(change(&mut *sidecar, put, &[row(LARGE, "back", 9, "b6").into()]).await);
    assert!(copied.query(title, &[]).await.unwrap().len() == 1);
    // Whatever is there, and what a range lacks.
    let force = &sql.copy_force["book_cache"];
    assert!(
        change(
            &mut *sidecar,
            force,
            &[row(LARGE, "forced", 1, "a0").into()]
        )
        .await
    );
    assert_eq!(
        copied.query(title, &[]).await.unwrap()[0][0].text(),
        Some("forced")
    );
    let rest: [Value; 4] = [
        row(LARGE, "forced", 1, "a0").into(),
        "".into(),
        "".into(),
        "c1".into(),
    ];
    assert!(change(&mut *sidecar, &sql.copy_rest["book_cache"], &rest).await);
    assert_eq!(world.ask(ids).await, LARGE.to_string());
    assert_eq!(
        world.ask("SELECT CONVERT(`key` USING utf8mb4), stamp FROM orders.freehold_tombstone ORDER BY stamp").await,
        format!("{LARGE} b5\n{} c1", LARGE - 1)
    );
}

/// A row that another unique column puts in the way is not overwritten.
#[tokio::test]
async fn another_row_in_the_way_is_an_error() {
    let Some(mut world) = World::new(Admin::Super, &[]).await else {
        return;
    };
    world.want.plane = plane();
    if let Some(copy) = world.want.plane.copies.get_mut("book_cache") {
        copy.columns = vec!["title".to_owned(), "isbn".to_owned()];
    }
    world.with_tables().await;
    world.migrate(&[BOOK_CACHE]).await;
    world.converge().await;
    let sql = Mysql.events(&world.want).unwrap();
    let put = &sql.copy_put["book_cache"];
    let mut sidecar = world.log_in("orders_sidecar").await;
    let row = |book: i64| {
        let row = row(book, "x", book, "a1");
        row.replace("\"in_print\"", "\"isbn\": \"1\", \"in_print\"")
    };
    assert!(change(&mut *sidecar, put, &[row(1).into()]).await);
    assert!(
        !change(&mut *sidecar, put, &[row(2).into()]).await,
        "it overwrote book 1"
    );
    assert_eq!(
        world.ask("SELECT book_id FROM orders.book_cache").await,
        "1"
    );
}

/// Every statement is one that the server takes from the sidecar.
#[tokio::test]
async fn the_sidecar_may_send_each_statement() {
    let Some(world) = world(Admin::Plain, &[]).await else {
        return;
    };
    let sql = sql();
    world
        .by_hand(&["INSERT INTO orders.orders (note) VALUES ('a'), ('b')"])
        .await;
    let mut sidecar = world.log_in("orders_sidecar").await;
    for (statement, args) in changes(&sql) {
        let told = sidecar.run(statement, &args).await;
        assert_eq!(
            told.unwrap_or_else(|error| panic!("{statement}: {error}")),
            1,
            "{statement}"
        );
    }
    for (statement, args, count) in questions(&sql) {
        let rows = sidecar.query(statement, &args).await;
        let rows = rows.unwrap_or_else(|error| panic!("{statement}: {error}"));
        assert_eq!(rows.len(), count, "{statement}: {rows:?}");
    }
    assert_eq!(
        sidecar
            .run(&sql.outbox_delete, &["[1, 7]".into()])
            .await
            .unwrap(),
        1
    );
    assert_eq!(
        sidecar
            .run(&sql.unpark, &["catalog".into(), "1-0.1.1".into()])
            .await
            .unwrap(),
        1
    );
    assert_eq!(
        sidecar
            .run(&sql.batch_forget, &[Value::I64(2)])
            .await
            .unwrap(),
        1
    );
    let lost = sidecar.run(&sql.batch_lost, &[Value::I64(0)]).await;
    assert_eq!(lost.unwrap(), 0, "none is left");
}

/// What the sidecar changes: one row each.
fn changes(sql: &EventSql) -> Vec<(&str, Vec<Value>)> {
    let number = Value::I64;
    let text = |text: &str| Value::from(text);
    let rows = "[{\"t\": \"a.v1\", \"l\": 5, \"p\": \"1-0.1.1\", \"k\": \"k\", \"e\": \"00\", \"c\": \"FH\", \"m\": \"wrong\"}]";
    let record = [
        number(1),
        text("1-0"),
        number(1),
        text("2|1"),
        text("1"),
        text("d"),
        text("{}"),
        text("a.v1"),
        Value::Bool(true),
    ];
    vec![
        (
            &sql.lead_put,
            vec![text("relay"), text("me"), number(1), number(5_000_000)],
        ),
        (
            &sql.incarnation_put,
            vec![number(1), text("1-0"), text("here"), text("")],
        ),
        (&sql.batch_put, record.to_vec()),
        (&sql.batch_pending, vec![number(1), text("")]),
        (&sql.head_put, vec![text("a.v1"), text("{}")]),
        (&sql.outbox_put, vec![text("a.v1"), text("k"), text("null")]),
        (&sql.watermark_put, vec![text("catalog"), text(rows)]),
        (&sql.park, vec![text("catalog"), text(rows)]),
        (
            &sql.parked_edit,
            vec![text("catalog"), text("1-0.1.1"), text("FH2"), text("still")],
        ),
        (
            &sql.fresh_put,
            vec![text("catalog"), text("1-0.1.1"), number(7)],
        ),
        (
            &sql.fill_put,
            vec![
                text("book_cache"),
                text("catalog"),
                text("runs"),
                text("5"),
                text("s"),
                number(3),
            ],
        ),
        (&sql.note, vec![text("me"), text("looked"), text("")]),
    ]
}

/// What it asks then, and how many rows answer.
fn questions(sql: &EventSql) -> Vec<(&str, Vec<Value>, usize)> {
    let number = Value::I64;
    let text = |text: &str| Value::from(text);
    vec![
        (&sql.lead_read, vec![text("relay")], 1),
        (&sql.lead_fence, vec![text("relay"), number(1)], 1),
        (&sql.lead_fence, vec![text("relay"), number(2)], 0),
        (&sql.incarnations, vec![], 1),
        (&sql.batches, vec![number(5)], 1),
        (&sql.batches_open, vec![], 0),
        (&sql.batches_from, vec![number(1), number(5)], 1),
        (&sql.batches_old, vec![number(-1), number(5)], 1),
        (&sql.heads, vec![], 1),
        (&sql.outbox_by_id, vec![text("[1, 5]")], 1),
        (&sql.outbox_count, vec![], 1),
        (&sql.watermarks, vec![text("catalog")], 1),
        (&sql.parked_keys, vec![text("catalog")], 1),
        (&sql.parked, vec![text("catalog"), text("")], 1),
        (&sql.parked, vec![text("catalog"), text("k")], 1),
        (&sql.parked, vec![text("catalog"), text("K")], 0),
        (&sql.freshness, vec![], 1),
        (&sql.fills, vec![], 1),
        (
            &sql.snapshots["order.noted.v1"],
            vec![text(""), number(10)],
            2,
        ),
        (
            &sql.snapshots["order.noted.v1"],
            vec![text("1"), number(10)],
            1,
        ),
    ]
}
