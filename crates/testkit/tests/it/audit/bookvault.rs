//! The bookshop before its split, as a real database under a load that uses every crossing.
//!
//! Each planted crossing has to be named with the rate that it was run at, the four contexts have
//! to be proposed from nothing, and the audit must have written and locked nothing: the server's
//! own log is replayed to see.

use std::collections::BTreeMap;
use std::path::Path;

use freehold_boundary::Ownership;
use freehold_boundary::audit::report::{Origin, Report};
use freehold_boundary::audit::{Known, analyse};
use freehold_engine::audit::{Facts, Limits, Part};
use freehold_engine::{Connection, Endpoint, Secret};
use freehold_model::EngineKind;
use freehold_testkit::{Must as _, TestServer};

/// Program, place in code, context → context (none: it stays inside), statement, runs.
const LOAD: &[(&str, &str, &str, &str, usize)] = &[
    (
        "web",
        "web/src/catalog/books.repository.ts:16",
        "catalog orders",
        "SELECT b.book_id, count(*) FROM books b JOIN order_items i ON i.book_id = b.book_id GROUP BY b.book_id",
        7,
    ),
    (
        "web",
        "web/src/orders/report.ts:30",
        "orders catalog",
        "SELECT i.order_item_id, b.title, a.name FROM order_items i JOIN books b ON b.book_id = i.book_id JOIN authors a ON a.author_id = b.author_id",
        40,
    ),
    (
        "office",
        "office/src/main/java/com/bookvault/orders/OrderSearch.java:22",
        "orders catalog",
        "SELECT o.order_id, b.title FROM orders o JOIN order_items i ON i.order_id = o.order_id JOIN books b ON b.book_id = i.book_id WHERE o.status = 'pending'",
        11,
    ),
    (
        "web",
        "web/src/orders/report.ts:14",
        "orders customers",
        "SELECT o.order_id, a.city FROM orders o JOIN customer_addresses a ON a.customer_id = o.customer_id",
        13,
    ),
    (
        "jobs",
        "jobs/bookvault/orders/export.py:8",
        "orders customers",
        "SELECT o.order_id, o.total, c.email FROM orders o JOIN customers c ON c.customer_id = o.customer_id",
        5,
    ),
    (
        "office",
        "office/src/main/java/com/bookvault/orders/OrderSearch.java:18",
        "orders customers",
        "SELECT c.name, o.order_id FROM orders o JOIN customers c ON c.customer_id = o.customer_id ORDER BY o.order_date",
        9,
    ),
    (
        "web",
        "web/src/orders/report.ts:12",
        "orders customers",
        "SELECT o.status, c.name, c.is_active FROM orders o JOIN customers c USING (customer_id)",
        17,
    ),
    (
        "jobs",
        "jobs/bookvault/catalog/stock.py:5",
        "catalog orders",
        "SELECT book_id, sum(quantity) FROM order_items GROUP BY book_id",
        3,
    ),
    (
        "jobs",
        "jobs/bookvault/customers/loyalty.py:6",
        "customers orders",
        "SELECT customer_id, sum(total) FROM orders GROUP BY customer_id",
        4,
    ),
    (
        "office",
        "office/src/main/java/com/bookvault/orders/OrderSearch.java:31",
        "orders catalog",
        "SELECT title FROM books WHERE book_id = 1",
        23,
    ),
    (
        "jobs",
        "jobs/bookvault/orders/export.py:12",
        "orders customers",
        "SELECT line1, city, postcode FROM customer_addresses WHERE customer_id = 1",
        6,
    ),
    (
        "web",
        "web/src/orders/report.ts:22",
        "orders customers",
        "SELECT email FROM customers WHERE customer_id = 1",
        19,
    ),
    (
        "office",
        "office/src/main/java/com/bookvault/payment/Refunds.java:25",
        "payment orders",
        "SELECT order_id, total FROM orders WHERE order_id = 1",
        8,
    ),
    (
        "web",
        "web/src/payment/fraud.ts:13",
        "payment orders",
        "SELECT count(*) FROM orders WHERE customer_id = 1",
        14,
    ),
    (
        "web",
        "web/src/customers/profile.service.ts:27",
        "customers payment",
        "DELETE FROM payment_methods WHERE customer_id = -1",
        2,
    ),
    (
        "web",
        "web/src/orders/checkout.ts:11",
        "orders catalog",
        "UPDATE inventory SET available = available WHERE book_id = 1",
        31,
    ),
    (
        "web",
        "web/src/orders/checkout.ts:15",
        "orders payment",
        "INSERT INTO payments SELECT 1, 1, 1, 1, 'EUR' WHERE false",
        29,
    ),
    (
        "jobs",
        "jobs/bookvault/orders/export.py:18",
        "orders payment",
        "UPDATE transactions SET state = 'exported' WHERE payment_id = -1",
        5,
    ),
    (
        "office",
        "office/src/main/java/com/bookvault/payment/Refunds.java:22",
        "payment orders",
        "INSERT INTO order_status_history SELECT 1, 'refunded', now() WHERE false",
        3,
    ),
    (
        "jobs",
        "jobs/bookvault/payment/reconcile.py:5",
        "payment orders",
        "UPDATE orders SET status = 'confirmed' WHERE order_id = -1",
        6,
    ),
    (
        "office",
        "office/src/main/java/com/bookvault/payment/Refunds.java:21",
        "payment orders",
        "UPDATE orders SET status = 'refunded', total = 0 WHERE order_id = -1",
        3,
    ),
    (
        "web",
        "web/src/orders/summary.ts:3",
        "orders customers",
        "SELECT name FROM order_summary WHERE order_id = 1",
        12,
    ),
    // What stays inside.
    (
        "web",
        "web/src/customers/profile.service.ts:9",
        "",
        "UPDATE customers SET name = name WHERE customer_id = 1",
        12,
    ),
    (
        "web",
        "web/src/customers/profile.service.ts:12",
        "",
        "UPDATE customer_preferences SET newsletter = true WHERE customer_id = 1",
        4,
    ),
    (
        "web",
        "web/src/customers/profile.service.ts:15",
        "",
        "UPDATE customer_addresses SET city = city WHERE customer_id = 1",
        4,
    ),
    (
        "web",
        "web/src/catalog/books.repository.ts:5",
        "",
        "UPDATE books SET title = title WHERE book_id = 1",
        6,
    ),
    (
        "jobs",
        "jobs/bookvault/catalog/stock.py:9",
        "",
        "UPDATE inventory SET available = available + 0",
        6,
    ),
    (
        "web",
        "web/src/catalog/books.repository.ts:8",
        "",
        "SELECT b.title, a.name, c.name FROM books b JOIN authors a USING (author_id) JOIN categories c USING (category_id)",
        50,
    ),
    (
        "web",
        "web/src/orders/checkout.ts:5",
        "",
        "UPDATE orders SET total = total WHERE order_id = 1",
        30,
    ),
    (
        "web",
        "web/src/orders/checkout.ts:7",
        "",
        "UPDATE order_items SET quantity = quantity WHERE order_id = 1",
        30,
    ),
    (
        "web",
        "web/src/payment/pay.ts:4",
        "",
        "UPDATE payments SET amount = amount WHERE payment_id = 1",
        20,
    ),
    (
        "web",
        "web/src/payment/pay.ts:6",
        "",
        "UPDATE transactions SET state = state",
        20,
    ),
    (
        "web",
        "web/src/payment/pay.ts:8",
        "",
        "SELECT * FROM payments JOIN payment_methods USING (method_id)",
        20,
    ),
];

struct Shop {
    server: std::sync::Arc<TestServer>,
    at: Endpoint,
}

fn example(file: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/bookvault-monolith");
    std::fs::read_to_string(root.join(file)).must("a file of the example")
}

async fn admin(at: &Endpoint) -> Box<dyn Connection> {
    let engine = freehold_builtin::engine(EngineKind::Postgres).expect("an engine");
    engine.connect(at).await.must("the administrator enters")
}

/// The shop, made and used.
async fn open() -> Option<Shop> {
    let preload = [("shared_preload_libraries", "pg_stat_statements")];
    let server = TestServer::alone_with(EngineKind::Postgres, &preload).await?;
    admin(&server.admin)
        .await
        .execute("CREATE DATABASE bookvault")
        .await
        .must("a database");
    let at = server.admin.with_database("bookvault");
    let mut session = admin(&at).await;
    session
        .execute("CREATE EXTENSION pg_stat_statements")
        .await
        .must("statistics");
    session
        .execute(&example("db/schema.sql"))
        .await
        .must("the schema");
    session
        .execute(&example("db/seeds.sql"))
        .await
        .must("the seeds");
    for login in ["web", "jobs", "office"] {
        let sql = format!(
            "CREATE ROLE {login} LOGIN PASSWORD 'x'; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {login}"
        );
        session.execute(&sql).await.must("a login");
    }
    session
        .execute("CREATE ROLE auditor LOGIN PASSWORD 'x'; GRANT pg_monitor TO auditor")
        .await
        .must("an auditor");
    session
        .execute("SELECT pg_stat_statements_reset()")
        .await
        .must("counting begins");
    for login in ["web", "jobs", "office"] {
        let mut session = admin(&as_login(&at, login)).await;
        for (_, place, _, sql, runs) in LOAD.iter().filter(|own| own.0 == login) {
            for _ in 0..*runs {
                session
                    .execute(&format!("/* {place} */ {sql}"))
                    .await
                    .must(sql);
            }
        }
    }
    Some(Shop { server, at })
}

fn as_login(at: &Endpoint, login: &str) -> Endpoint {
    Endpoint {
        user: login.to_owned(),
        password: Some(Secret::new("x".to_owned())),
        ..at.clone()
    }
}

async fn look(at: &Endpoint) -> Facts {
    let engine = freehold_builtin::engine(EngineKind::Postgres).expect("an engine");
    engine.audit(at, &Limits::default()).await.must("the facts")
}

fn said(facts: &Facts, ownership: Option<&Ownership>) -> Report {
    analyse(
        facts,
        &Known {
            ownership,
            ..Known::default()
        },
    )
}

fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).expect("a few"))
}

/// How well two ways to put things into groups agree, chance taken off (Hubert and Arabie 1985).
fn adjusted_rand(pairs: &[(String, String)]) -> f64 {
    let two = |n: usize| number(n) * (number(n) - 1.0) / 2.0;
    let count = |keys: Vec<String>| {
        let mut sizes: BTreeMap<String, usize> = BTreeMap::new();
        for key in keys {
            *sizes.entry(key).or_default() += 1;
        }
        sizes.values().map(|n| two(*n)).sum::<f64>()
    };
    let both = count(pairs.iter().map(|(a, b)| format!("{a} {b}")).collect());
    let (a, b) = (
        count(pairs.iter().map(|(a, _)| a.clone()).collect()),
        count(pairs.iter().map(|(_, b)| b.clone()).collect()),
    );
    let expected = a * b / two(pairs.len());
    (both - expected) / (f64::midpoint(a, b) - expected)
}

#[tokio::test]
async fn each_crossing_is_named_with_its_rate_and_four_contexts_are_proposed() {
    let Some(shop) = open().await else { return };
    let facts = look(&as_login(&shop.at, "auditor")).await;
    let own = Ownership::of_file(&example("boundaries.yaml"), Path::new("boundaries.yaml"))
        .must("the boundaries");
    let report = said(&facts, Some(&own));
    let days = report.window.as_ref().expect("a window").days;

    let mut planted: Vec<(String, String, usize)> = LOAD
        .iter()
        .filter(|own| !own.2.is_empty())
        .map(|(_, place, pair, _, runs)| ((*place).to_owned(), (*pair).to_owned(), *runs))
        .collect();
    for own in &report.crossings {
        let spot = own.spot.as_ref().expect("each says where it is");
        let place = format!("{}:{}", spot.file, spot.line.unwrap_or_default());
        let pair = format!("{} {}", own.from, own.to);
        let runs = own.calls_a_day * days;
        let at = planted.iter().position(|known| {
            known.0 == place && known.1 == pair && (runs / number(known.2) - 1.0).abs() < 0.05
        });
        let at = at.unwrap_or_else(|| {
            panic!("nobody planted {pair} at {place}, {runs} times: {planted:#?}")
        });
        planted.remove(at);
    }
    assert!(planted.is_empty(), "not named: {planted:#?}");
    assert_eq!(report.keys.len(), 4, "{:#?}", report.keys);
    let ties: Vec<&str> = report.ties.iter().map(|own| own.name.as_str()).collect();
    assert_eq!(ties, ["order_summary", "order_items_take_stock"]);
    // The figures of the pairs are those of the whole.
    let whole: f64 = report.crossings.iter().map(|own| own.calls_a_day).sum();
    let load = report.load.expect("a load").calls_a_day;
    assert!(whole > 0.0 && whole < load, "{whole} of {load}");

    let proposed = said(&facts, None);
    assert_eq!(proposed.origin, Origin::Proposal);
    let names: Vec<&str> = proposed
        .contexts
        .iter()
        .map(|own| own.name.as_str())
        .collect();
    assert_eq!(proposed.contexts.len(), 4, "{names:?}");
    let in_proposal = |table: &str| {
        let own = proposed
            .contexts
            .iter()
            .find(|own| own.tables.iter().any(|name| name == table));
        own.map_or_else(|| "nobody".to_owned(), |own| own.name.clone())
    };
    let pairs: Vec<(String, String)> = report
        .contexts
        .iter()
        .flat_map(|own| {
            own.tables
                .iter()
                .map(|table| (own.name.clone(), in_proposal(table)))
        })
        .collect();
    assert_eq!(pairs.len(), 13);
    let agreement = adjusted_rand(&pairs);
    assert!(agreement >= 0.9, "{agreement}: {pairs:#?}");
    eprintln!("proposed {names:?}, adjusted Rand index {agreement:.2}");
}

/// The server's own log is the witness.
#[tokio::test]
async fn the_audit_writes_nothing_and_takes_no_lock_that_others_feel() {
    let Some(shop) = open().await else { return };
    let from = shop.server.log_position();
    let facts = look(&as_login(&shop.at, "auditor")).await;
    let statements = shop.server.statements_since(from);
    assert!(facts.sent.statements > 20, "{:?}", facts.sent);

    // One transaction that cannot write, nothing but questions in it.
    let (first, rest) = statements.split_first().expect("it was logged");
    assert!(
        first.starts_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL"),
        "{first}"
    );
    let asked: Vec<&str> = rest
        .iter()
        .filter_map(|sql| sql.strip_prefix("SAVEPOINT part; SET LOCAL statement_timeout = "))
        .filter_map(|sql| sql.split_once("; "))
        .filter_map(|(_, sql)| sql.strip_suffix("; RELEASE SAVEPOINT part"))
        .collect();
    let ends = ["ROLLBACK", "ROLLBACK TO SAVEPOINT part"];
    let others = rest
        .iter()
        .filter(|sql| ends.contains(&sql.as_str()))
        .count();
    assert_eq!(asked.len() + others, rest.len(), "{rest:#?}");
    assert!(
        asked.len() > 15
            && asked
                .iter()
                .all(|sql| sql.starts_with("SELECT ") && !sql.contains(';')),
        "{asked:#?}"
    );

    // Asked once more: what is locked at the end was never let go.
    let mut again = admin(&as_login(&shop.at, "auditor")).await;
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ; SET LOCAL search_path = pg_catalog";
    again.execute(begin).await.must("begun");
    for sql in asked {
        again.execute("SAVEPOINT part").await.must("a savepoint");
        // Some ask for what this login may not see.
        if again.execute(sql).await.is_err() {
            again
                .execute("ROLLBACK TO SAVEPOINT part")
                .await
                .must("taken back");
        }
    }
    let locks = again
        .query("SELECT DISTINCT mode || ' ' || locktype FROM pg_locks WHERE pid = pg_backend_pid() ORDER BY 1", &[])
        .await
        .must("the locks");
    let locks: Vec<String> = locks
        .into_iter()
        .filter_map(|row| row[0].text().map(str::to_owned))
        .collect();
    // A transaction id would be a write.
    assert_eq!(
        locks,
        ["AccessShareLock relation", "ExclusiveLock virtualxid"]
    );
}

/// A login that may see nothing but the catalogs gets a report that says what is missing.
#[tokio::test]
async fn a_login_without_rights_gets_no_wrong_clean() {
    let Some(shop) = open().await else { return };
    let mut session = admin(&shop.at).await;
    session
        .execute("CREATE ROLE nobody LOGIN PASSWORD 'x'")
        .await
        .must("a login");
    let facts = look(&as_login(&shop.at, "nobody")).await;
    assert!(!facts.is_whole(Part::Statements) && !facts.is_whole(Part::Sessions));
    let report = said(&facts, None);
    assert!(report.short_of_rights(), "{:#?}", report.unseen);
    assert_ne!(
        report.verdict(),
        freehold_boundary::audit::report::Verdict::Closed
    );
    let rights: Vec<&str> = report
        .unseen
        .iter()
        .map(|own| own.shown_by.as_str())
        .collect();
    assert!(
        rights.iter().any(|own| own.contains("pg_read_all_stats")),
        "{rights:#?}"
    );

    // The audit's own time is over before it begins: everything is missing, nothing is clean.
    let engine = freehold_builtin::engine(EngineKind::Postgres).expect("an engine");
    let short = Limits {
        total: std::time::Duration::ZERO,
        ..Limits::default()
    };
    let facts = engine
        .audit(&shop.at, &short)
        .await
        .must("a partial answer");
    let report = said(&facts, None);
    assert_ne!(
        report.verdict(),
        freehold_boundary::audit::report::Verdict::Closed
    );
    assert!(report.unseen.len() > 10 && !report.states.logins.is_whole());
}
