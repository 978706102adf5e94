//! Outbox tables that a service had before it came to freehold: their rows become events, in the
//! transaction that wrote them, and the table stays as it is.

use std::path::Path;

use freehold_engine::{Connection, TxMode};
use freehold_lifecycle::{Target, apply, check_targets, eject, plan, target};
use freehold_model::{EngineKind, Isolation, MemoryFiles, load, load_migrations};
use freehold_testkit::bookshop::enter;
use freehold_testkit::{Admin, Must as _, Shape};

const ENGINES: [EngineKind; 3] = [
    EngineKind::Postgres,
    EngineKind::Mariadb,
    EngineKind::Sqlite,
];

/// As teams have it.
const ORDER_EVENTS: &str = "CREATE TABLE order_events (event_id ID, event_type VARCHAR(60) NOT NULL, order_id BIGINT NOT NULL, event_data JSON NOT NULL, created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, published BOOLEAN NOT NULL DEFAULT FALSE);\n";

const ADOPTED: &str = "outbox:
  order_events:
    columns: { id: event_id, type: event_type, key: order_id, payload: event_data, published: published }
    events: { order_created: order.created.v1, order_shipped: order.shipped.v1 }
";

/// The service with this said of its outbox.
fn described(shape: &Shape, outbox: &str) -> Target {
    let name = &shape.name;
    let id = match shape.kind {
        EngineKind::Postgres => "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
        EngineKind::Sqlite => "INTEGER PRIMARY KEY",
        _ => "BIGINT AUTO_INCREMENT PRIMARY KEY",
    };
    let publishes = "publishes:
  order.created.v1: { schema: events/order.created.v1.json, key: orderId }
  order.shipped.v1: { schema: events/order.shipped.v1.json, key: orderId }
";
    let files = MemoryFiles::new([
        (
            "freehold.yaml".to_owned(),
            format!(
                "system: shop\nservers:\n  main: {{ engine: {}, url: \"env:NOT_ASKED_FOR\" }}\nservices: [services/*]\n",
                shape.kind.name()
            ),
        ),
        (
            "services/orders/service.yaml".to_owned(),
            format!("service: {name}\nstore: {{ server: main }}\n{publishes}{outbox}"),
        ),
        (
            "services/orders/migrations/0001_order_events.up.sql".to_owned(),
            ORDER_EVENTS.replace("ID,", &format!("{id},")),
        ),
    ]);
    let system = load(Path::new(""), None, &files).must("the description");
    let service = &system.services[name];
    let store = &service.stores["main"];
    let migrations = load_migrations(&system, service, store, &files, Path::new(""));
    let engine = freehold_builtin::engine(shape.kind).must("an engine");
    let at = shape.endpoint.clone();
    let migrations = migrations.must("migrations");
    let made = target(&system, service, store, engine, at, migrations, Vec::new());
    let made = made.must("a target");
    check_targets(std::slice::from_ref(&made)).must("a target that fits");
    made
}

async fn settle(target: &Target) {
    let targets = std::slice::from_ref(target);
    apply(targets, &|_| {}).await.must("apply");
    let plans = plan(targets).await.must("plan");
    assert!(plans[0].is_empty(), "nothing is left to do");
}

/// A row of the table, in the transaction that is open.
async fn write(program: &mut dyn Connection, kind: &str, order: i64, published: bool) {
    let sql = format!(
        "INSERT INTO order_events (event_type, order_id, event_data, published) VALUES ('{kind}', {order}, '{{\"orderId\": {order}}}', {published})"
    );
    program.execute(&sql).await.must(&sql);
}

/// What the sidecar has to publish: (topic, key, payload), in order.
async fn events(target: &Target) -> Vec<(String, String, String)> {
    let mut sidecar = enter(target, &target.want.identities.sidecar).await;
    sidecar.begin(TxMode::ReadOnly).await.must("begun");
    let polled = sidecar
        .poll_outbox(&target.want, "", 100)
        .await
        .must("read");
    sidecar.rollback().await.must("ended");
    let rows = polled.rows.into_iter();
    rows.map(|row| (row.topic, row.key, row.payload.unwrap_or_default()))
        .collect()
}

fn said(rows: &[(&str, i64)]) -> Vec<(String, String, String)> {
    let row = |(topic, order): &(&str, i64)| {
        let payload = format!("{{\"orderId\": {order}}}");
        ((*topic).to_owned(), order.to_string(), payload)
    };
    rows.iter().map(row).collect()
}

async fn ready(kind: EngineKind) -> Option<Shape> {
    Shape::ready(kind, Isolation::Database, Admin::Superuser).await
}

#[tokio::test]
async fn rows_of_an_adopted_table_are_events() {
    for kind in ENGINES {
        let Some(shape) = ready(kind).await else {
            continue;
        };
        // It was there before, with two rows that nobody has published.
        let before = described(&shape, "");
        settle(&before).await;
        let app = before.want.identities.app.logins[0].clone();
        let mut program = enter(&before, &app).await;
        for (order, published) in [(1, true), (2, false), (3, false)] {
            write(&mut *program, "order_created", order, published).await;
        }
        let target = described(&shape, ADOPTED);
        settle(&target).await;
        program.begin(TxMode::Write).await.must("begun");
        write(&mut *program, "order_shipped", 2, false).await;
        write(&mut *program, "order_looked_at", 2, false).await;
        write(&mut *program, "order_shipped", 1, true).await;
        program.commit().await.done().must("committed");
        program.begin(TxMode::Write).await.must("begun");
        write(&mut *program, "order_created", 4, false).await;
        program.rollback().await.must("rolled back");
        let expected = said(&[
            ("order.created.v1", 2),
            ("order.created.v1", 3),
            ("order.shipped.v1", 2),
        ]);
        assert_eq!(events(&target).await, expected, "{}", kind.name());
        // The table is as it was.
        let rows = program
            .query("SELECT count(*) FROM order_events WHERE published", &[])
            .await
            .must("rows");
        assert_eq!(rows[0][0].int(), Some(2));

        // Left alone, it publishes nothing; adopted again, only what comes then.
        settle(&before).await;
        write(&mut *program, "order_created", 5, false).await;
        settle(&target).await;
        write(&mut *program, "order_created", 6, false).await;
        let after = events(&target).await;
        assert_eq!(
            after[3..],
            said(&[("order.created.v1", 6)]),
            "{}",
            kind.name()
        );

        // Who leaves freehold goes on writing.
        drop(program);
        let targets = std::slice::from_ref(&target);
        eject(targets, &|_| Ok(())).await.must("ejected");
        if kind == EngineKind::Sqlite {
            // Nobody's file any more: this contract does not open it, a program does.
            let store = Path::new(&target.want.spot.database).join("store.db");
            let insert = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute(\"INSERT INTO order_events (event_type, order_id, event_data) VALUES ('order_created', 7, '{}')\")";
            let mut python = std::process::Command::new("python3");
            match python.args(["-c", insert]).arg(store).output() {
                Ok(output) => assert!(output.status.success(), "{output:?}"),
                Err(error) => eprintln!("SKIPPED: python3: {error}"),
            }
            continue;
        }
        let at = target.engine.at_store(&target.admin, &target.want.spot);
        let mut admin = target.engine.connect(&at).await.must("a connection");
        write(&mut *admin, "order_created", 7, false).await;
    }
}

#[tokio::test]
async fn what_a_mapping_names_has_to_be_there() {
    for kind in ENGINES {
        let Some(shape) = ready(kind).await else {
            continue;
        };
        settle(&described(&shape, "")).await;
        let target = described(&shape, &ADOPTED.replace("key: order_id", "key: order_no"));
        let refused = apply(std::slice::from_ref(&target), &|_| {}).await;
        let refused = refused.expect_err("a column that is not there");
        assert_eq!(refused[0].code, "FH3137", "{}", refused[0]);
        // A table that is still to come is told of, and no reason to stop.
        let target = described(&shape, &ADOPTED.replace("order_events:", "domain_events:"));
        let plans = plan(std::slice::from_ref(&target)).await.must("a plan");
        let told = plans[0].advisory.iter().any(|fault| fault.code == "FH3136");
        assert!(told, "{}", kind.name());
    }
}
