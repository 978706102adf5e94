//! Ways in that were planted: each has to be found, by its code and with its repair.

use std::time::Duration;

use freehold_boundary::audit::report::{By, Report, Verdict};
use freehold_boundary::audit::{Known, analyse};
use freehold_engine::audit::{Limits, Part};
use freehold_engine::{Endpoint, Secret};
use freehold_model::EngineKind;
use freehold_testkit::{Must as _, TestServer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

fn codes(report: &Report) -> Vec<&str> {
    let mut codes: Vec<&str> = report
        .findings
        .iter()
        .map(|own| own.code.as_str())
        .collect();
    codes.dedup();
    codes
}

async fn report(kind: EngineKind, at: &Endpoint) -> Report {
    let engine = freehold_builtin::engine(kind).expect("an engine");
    let facts = engine.audit(at, &Limits::default()).await.must("the facts");
    analyse(&facts, &Known::default())
}

#[tokio::test]
async fn postgres_has_no_way_in_that_is_not_found() {
    let Some(server) = TestServer::alone(EngineKind::Postgres).await else {
        return;
    };
    let engine = freehold_builtin::engine(EngineKind::Postgres).expect("an engine");
    let mut admin = server.connect().await;
    admin
        .execute("CREATE DATABASE planted")
        .await
        .must("a database");
    let at = server.admin.with_database("planted");
    let mut inside = engine.connect(&at).await.must("inside");
    inside
        .execute(
            "CREATE ROLE owner_of_all; CREATE ROLE app LOGIN; CREATE ROLE reporting; CREATE ROLE bi LOGIN IN ROLE reporting; \
             CREATE ROLE gone LOGIN PASSWORD 'x'; \
             CREATE TABLE orders (id int); CREATE TABLE payments (id int); \
             ALTER TABLE orders OWNER TO owner_of_all; ALTER TABLE payments OWNER TO owner_of_all; \
             GRANT SELECT ON orders, payments TO reporting; GRANT SELECT ON orders TO PUBLIC; \
             GRANT SELECT ON payments TO gone; \
             CREATE FUNCTION anything(q text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN EXECUTE q; END $$; \
             ALTER FUNCTION anything(text) OWNER TO owner_of_all; \
             ALTER DEFAULT PRIVILEGES FOR ROLE owner_of_all GRANT SELECT ON TABLES TO reporting; \
             CREATE EXTENSION postgres_fdw; CREATE SERVER crm FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'crm.example', dbname 'crm'); \
             CREATE USER MAPPING FOR app SERVER crm OPTIONS (user 'reader', password 'do-not-tell')",
        )
        .await
        .must("the ways in");
    let leaving = Endpoint {
        user: "gone".to_owned(),
        password: Some(Secret::new("x".to_owned())),
        ..at.clone()
    };
    let session = engine
        .connect(&leaving)
        .await
        .must("somebody who will be gone");
    inside
        .execute("REVOKE ALL ON payments FROM gone; DROP ROLE gone")
        .await
        .must("dropped");

    let report = report(EngineKind::Postgres, &at).await;
    assert_eq!(
        codes(&report),
        ["FH2301", "FH2302", "FH2303", "FH2305", "FH2306", "FH2307"],
        "{:#?}",
        report.findings
    );
    assert_eq!(report.verdict(), Verdict::Open);
    let login = |name: &str| {
        report
            .logins
            .iter()
            .find(|own| own.name == name)
            .expect("a login")
    };
    assert_eq!(
        (login("bi").reads, login("bi").paths[0].by),
        (2, By::DefinerFunction)
    );
    assert!(
        login("bi").paths.iter().any(|own| own.by == By::RoleChain),
        "{:#?}",
        login("bi")
    );
    assert_eq!((login("app").reads, login("app").writes), (2, 2));
    assert!(
        !report.to_json().contains("do-not-tell"),
        "a password is told"
    );
    drop(session);
}

#[tokio::test]
async fn mariadb_has_no_way_in_that_is_not_found() {
    let Some(server) = TestServer::alone(EngineKind::Mariadb).await else {
        return;
    };
    let engine = freehold_builtin::engine(EngineKind::Mariadb).expect("an engine");
    let mut admin = server.connect().await;
    for sql in [
        "CREATE DATABASE svc_a",
        "CREATE DATABASE svcXa",
        "CREATE TABLE svcXa.payments (id INT)",
        "CREATE USER app@'127.0.0.1' IDENTIFIED BY 'x'",
        "GRANT SELECT ON `svc_a`.* TO app@'127.0.0.1'",
        "CREATE USER gone@'127.0.0.1' IDENTIFIED BY 'x'",
        "CREATE PROCEDURE svc_a.peek() SQL SECURITY DEFINER SELECT * FROM svcXa.payments",
        "GRANT EXECUTE ON PROCEDURE svc_a.peek TO app@'127.0.0.1'",
        "CREATE SERVER far FOREIGN DATA WRAPPER mysql OPTIONS (HOST 'crm.example', DATABASE 'crm', USER 'u', PASSWORD 'do-not-tell')",
    ] {
        admin.execute(sql).await.must(sql);
    }
    let leaving = Endpoint {
        user: "gone".to_owned(),
        password: Some(Secret::new("x".to_owned())),
        ..server.admin.clone()
    };
    let session = engine
        .connect(&leaving)
        .await
        .must("somebody who will be gone");
    admin
        .execute("DROP USER gone@'127.0.0.1'")
        .await
        .must("dropped");
    let report = report(EngineKind::Mariadb, &server.admin).await;
    assert_eq!(
        codes(&report),
        ["FH2301", "FH2303", "FH2304", "FH2305"],
        "{:#?}",
        report.findings
    );
    assert!(
        !report.to_json().contains("do-not-tell"),
        "a password is told"
    );
    drop(session);
}

/// The server's own log is the witness: questions in a transaction that cannot write, and nothing
/// else. A write that the same session tries is refused by the server.
#[tokio::test]
async fn mariadb_is_sent_no_write() {
    let Some(server) = TestServer::alone(EngineKind::Mariadb).await else {
        return;
    };
    let engine = freehold_builtin::engine(EngineKind::Mariadb).expect("an engine");
    let mut admin = server.connect().await;
    for sql in [
        "CREATE DATABASE logged",
        "CREATE TABLE logged.payments (id INT)",
        "CREATE VIEW logged.seen AS SELECT id FROM logged.payments",
    ] {
        admin.execute(sql).await.must(sql);
    }
    let log = server.folder().join("server/data/general.log");
    let from = std::fs::metadata(&log).must("the log").len();
    let facts = engine
        .audit(&server.admin, &Limits::default())
        .await
        .must("the facts");
    let bytes = std::fs::read(&log).must("the log");
    let since = usize::try_from(from).expect("a length");
    let text = String::from_utf8_lossy(&bytes[since..]).into_owned();
    assert_eq!(
        server.changing_statements_since(from),
        Vec::<String>::new(),
        "{text}"
    );
    let sent: Vec<&str> = ["\tQuery\t", " Query\t", "\tExecute\t", " Execute\t"]
        .iter()
        .flat_map(|word| text.lines().filter_map(move |line| line.split_once(word)))
        .map(|(_, sql)| sql)
        .collect();
    assert!(
        sent.len() >= facts.sent.statements as usize && facts.sent.statements > 10,
        "{} of {:?}: {text}",
        sent.len(),
        facts.sent
    );
    let opened = sent
        .iter()
        .position(|sql| *sql == "START TRANSACTION READ ONLY")
        .expect("it cannot write");
    let (last, asked) = sent[opened + 1..].split_last().expect("it asked");
    assert_eq!(*last, "ROLLBACK", "{text}");
    // Catalogs and statistics, never a table of somebody's, never a lock.
    for sql in asked {
        let upper = sql.to_uppercase();
        assert!(upper.starts_with("SELECT"), "{sql}");
        assert!(
            !upper.contains("FOR UPDATE") && !upper.contains("LOCK IN SHARE MODE"),
            "{sql}"
        );
        assert!(!upper.contains("LOGGED.PAYMENTS"), "{sql}");
    }
}

/// The line is cut after so many bytes of answers: what came is told, what did not come is said,
/// and nothing is called clean.
#[tokio::test]
async fn a_connection_cut_in_the_middle_is_no_clean_report() {
    let Some(server) = TestServer::alone(EngineKind::Postgres).await else {
        return;
    };
    let engine = freehold_builtin::engine(EngineKind::Postgres).expect("an engine");
    let mut partial = 0;
    for bytes in [2_500, 3_500, 4_500, 6_000] {
        let at = cut_after(&server.admin, bytes).await;
        let limits = Limits {
            total: Duration::from_secs(10),
            ..Limits::default()
        };
        // Cut so early that nobody is in yet, it is an error; else a partial report.
        let Ok(facts) = engine.audit(&at, &limits).await else {
            continue;
        };
        partial += 1;
        assert!(!facts.is_whole(Part::LoginRules), "{bytes}");
        let report = analyse(&facts, &Known::default());
        assert_ne!(report.verdict(), Verdict::Closed, "{bytes}");
        assert!(
            report.unseen.iter().any(|own| own.because.contains("lost")),
            "{bytes}: {:#?}",
            report.unseen
        );
    }
    assert!(partial > 1, "{partial} were cut in their middle");
}

/// The same server over a line that breaks after so many bytes from it.
async fn cut_after(server: &Endpoint, bytes: usize) -> Endpoint {
    let freehold_engine::Address::Tcp(host, port) = server.address.clone() else {
        panic!("the server is reached over a port");
    };
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.must("a port");
    let mine = listener.local_addr().must("its number").port();
    tokio::spawn(async move {
        let Ok((mut client, _)) = listener.accept().await else {
            return;
        };
        let Ok(mut far) = TcpStream::connect((host.as_str(), port)).await else {
            return;
        };
        let (mut up, mut down) = ([0; 4096], [0; 1024]);
        let mut left = bytes;
        loop {
            tokio::select! {
                read = client.read(&mut up) => match read {
                    Ok(count) if count > 0 => { let _ = far.write_all(&up[..count]).await; }
                    _ => return,
                },
                read = far.read(&mut down) => match read {
                    Ok(count) if count > 0 && count < left => {
                        left -= count;
                        let _ = client.write_all(&down[..count]).await;
                    }
                    _ => return,
                },
            }
        }
    });
    Endpoint {
        address: freehold_engine::Address::Tcp("127.0.0.1".to_owned(), mine),
        tls: freehold_engine::Tls::Off,
        ..server.clone()
    }
}
