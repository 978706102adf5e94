//! Servers of versions that the audit does not know: what it reads is told, and never `closed`.
//!
//! The server is a real one behind a line that changes what it says of itself.

use freehold_boundary::audit::report::Verdict;
use freehold_boundary::audit::{Known, analyse};
use freehold_engine::audit::{Facts, Limits, Outcome, Part};
use freehold_engine::{Address, Endpoint, Tls};
use freehold_model::EngineKind;
use freehold_testkit::{Must as _, TestServer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What is said instead of what; as long, so that no length in the protocol changes.
#[derive(Clone, Copy)]
struct Instead<'a> {
    of: &'a str,
    said: &'a str,
}

/// A server that says of itself what `instead` does. One connection.
async fn saying(server: &Endpoint, instead: Instead<'_>) -> Endpoint {
    let Address::Tcp(host, port) = server.address.clone() else {
        panic!("the server is reached over a port");
    };
    let (of, said) = (instead.of.to_owned(), instead.said.to_owned());
    assert_eq!(of.len(), said.len());
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.must("a port");
    let mine = listener.local_addr().must("its number").port();
    tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.must("somebody comes");
        let mut far = TcpStream::connect((host.as_str(), port))
            .await
            .must("the server");
        let (mut up, mut down) = (vec![0; 1 << 16], vec![0; 1 << 16]);
        loop {
            tokio::select! {
                read = client.read(&mut up) => match read {
                    Ok(count) if count > 0 => { let _ = far.write_all(&up[..count]).await; }
                    _ => return,
                },
                read = far.read(&mut down) => match read {
                    Ok(count) if count > 0 => {
                        replace(&mut down[..count], of.as_bytes(), said.as_bytes());
                        let _ = client.write_all(&down[..count]).await;
                    }
                    _ => return,
                },
            }
        }
    });
    Endpoint {
        address: Address::Tcp("127.0.0.1".to_owned(), mine),
        tls: Tls::Off,
        ..server.clone()
    }
}

fn replace(bytes: &mut [u8], of: &[u8], said: &[u8]) {
    for at in 0..bytes.len().saturating_sub(of.len() - 1) {
        if bytes[at..].starts_with(of) {
            bytes[at..at + of.len()].copy_from_slice(said);
        }
    }
}

/// The facts of a server that says so, and why it is not known; none: it is.
async fn facts(kind: EngineKind, at: &Endpoint) -> (Facts, Option<String>) {
    let engine = freehold_builtin::engine(kind).must("an engine");
    let facts = engine.audit(at, &Limits::default()).await.must("the facts");
    let why = match facts.outcome(Part::Server) {
        Outcome::NotSeen { why, .. } => Some(why),
        _ => None,
    };
    (facts, why)
}

/// What is read of a strange server is told, and what may be otherwise there stands under what was
/// not seen.
fn is_told(facts: &Facts, why: &str) {
    assert!(facts.principals.len() > 1 && facts.is_whole(Part::Principals));
    let report = analyse(facts, &Known::default());
    let told = report.unseen.iter().find(|own| own.what == "The server");
    let told = told.must("it stands under what was not seen");
    assert!(told.could_hide && told.because == why, "{told:#?}");
    assert!(told.shown_by.contains("a freehold that knows"), "{told:#?}");
    assert_ne!(report.verdict(), Verdict::Closed);
}

/// Two schemas that have nothing to do with each other: everything else of it would be closed.
const APART: &str = "CREATE SCHEMA catalog; CREATE TABLE catalog.books (id int PRIMARY KEY); \
    CREATE SCHEMA payment; CREATE TABLE payment.invoices (id int PRIMARY KEY); \
    CREATE EXTENSION pg_stat_statements; SELECT pg_stat_statements_reset(); \
    REVOKE CONNECT, TEMPORARY ON DATABASE apart FROM PUBLIC";

#[tokio::test]
async fn postgres_of_another_version_is_never_closed() {
    let with = [("shared_preload_libraries", "pg_stat_statements")];
    let Some(server) = TestServer::alone_with(EngineKind::Postgres, &with).await else {
        return;
    };
    let mut admin = server.connect().await;
    admin
        .execute("CREATE DATABASE apart")
        .await
        .must("a database");
    let number = admin.probe().version_num.to_string();
    let real = server.admin.with_database("apart");
    let engine = freehold_builtin::engine(EngineKind::Postgres).must("an engine");
    let mut inside = engine.connect(&real).await.must("inside");
    inside.execute(APART).await.must("two contexts");
    drop(inside);

    let as_it_is = Instead {
        of: &number,
        said: &number,
    };
    let (known, why) = facts(EngineKind::Postgres, &saying(&real, as_it_is).await).await;
    assert_eq!(why, None);
    assert_eq!(but_for_the_administrator(&known), Verdict::Closed);
    for (of, said, what) in [
        (number.as_str(), "990001", "newer"),
        (&number, "110022", "older"),
        ("PostgreSQL 1", "PostgresXL 1", "not PostgreSQL itself"),
    ] {
        let at = saying(&real, Instead { of, said }).await;
        let (facts, why) = facts(EngineKind::Postgres, &at).await;
        let why = why.must(said);
        assert!(why.contains(what), "{said}: {why}");
        is_told(&facts, &why);
        assert_eq!(but_for_the_administrator(&facts), Verdict::NotKnown);
    }
}

/// The verdict if whoever made the server were described.
fn but_for_the_administrator(facts: &Facts) -> Verdict {
    let mut report = analyse(facts, &Known::default());
    for login in &mut report.logins {
        login.declared = true;
    }
    report.verdict()
}

#[tokio::test]
async fn mariadb_of_another_version_is_never_closed() {
    let Some(server) = TestServer::alone(EngineKind::Mariadb).await else {
        return;
    };
    let admin = server.connect().await;
    let version = admin.probe().version.clone();
    let as_it_is = Instead {
        of: &version,
        said: &version,
    };
    let (_, why) = facts(EngineKind::Mariadb, &saying(&server.admin, as_it_is).await).await;
    assert_eq!(why, None);
    // `10.11.19`, with other numbers.
    let with = |digit: &str| -> String {
        let point = |c: char| if c == '.' { "." } else { digit };
        version.chars().map(point).collect()
    };
    for (said, what) in [(with("0"), "older"), (with("9"), "newer")] {
        let instead = Instead {
            of: &version,
            said: &said,
        };
        let at = saying(&server.admin, instead).await;
        let (facts, why) = facts(EngineKind::Mariadb, &at).await;
        let why = why.must(&said);
        assert!(why.contains(what), "{said}: {why}");
        is_told(&facts, &why);
    }
}
