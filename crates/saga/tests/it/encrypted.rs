//! Participants behind TLS: asked and heard where their certificate is vouched for, and otherwise
//! nobody who answers is believed.

#![expect(
    clippy::print_stderr,
    reason = "a skip is loud, and a child says what it heard"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use freehold_saga::http::{Door, Http, Opened};
use freehold_saga::wire::{KEY, OUTCOME, Said};
use freehold_saga::{Answer, Ask, Kind, Method, Outcome, Participants, Way};
use freehold_testkit::Must as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A certificate for `localhost` that vouches for itself. False: there is no openssl, and that was
/// said.
fn certificate(folder: &Path, name: &str) -> bool {
    let made = Command::new("openssl")
        .args([
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
        ])
        .args(["-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=DNS:localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout", &format!("{name}.key")])
        .args(["-out", &format!("{name}.pem")])
        .current_dir(folder)
        .stderr(Stdio::null())
        .status();
    if made.is_err() && std::env::var_os("CI").is_none() {
        eprintln!("SKIPPED: no openssl to make a certificate with");
        return false;
    }
    assert!(made.must("openssl").success());
    true
}

/// Says `done` to whatever is asked. Returns its port.
async fn answers(folder: &Path) -> u16 {
    let chain = CertificateDer::from_pem_file(folder.join("mine.pem")).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(folder.join("mine.key")).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("TLS")
        .with_no_client_auth()
        .with_single_cert(vec![chain], key)
        .expect("they belong together");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("localhost:0").await.must("a port");
    let port = listener.local_addr().must("its number").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // Who does not trust it goes.
                if let Ok(mut stream) = acceptor.accept(stream).await {
                    let reply = format!(
                        "HTTP/1.1 200 OK\r\n{KEY}: {ASKED}\r\n{OUTCOME}: done\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}"
                    );
                    let mut request = [0; 4096];
                    let _ = stream.read(&mut request).await;
                    let _ = stream.write_all(reply.as_bytes()).await;
                    let _ = stream.shutdown().await;
                }
            });
        }
    });
    port
}

const ASKED: &str = "5f1c/charge/1/action";

fn ask() -> Ask {
    Ask {
        saga: "place_order".to_owned(),
        way: Way::Http,
        service: "payment".to_owned(),
        method: Method::Post,
        path: "/charge".to_owned(),
        body: String::new(),
        key: ASKED.to_owned(),
        kind: Kind::Action,
        expires: 4_000_000_000_000,
        digest: String::new(),
        timeout: std::time::Duration::from_mins(1),
        began: None,
    }
}

/// Where a child is told whom to ask.
const PORT: &str = "FREEHOLD_TEST_SAGA_PORT";

/// As a child, with certificates of its own by its environment: asks, and says what it heard.
#[tokio::test]
async fn a_child_asks() {
    let Ok(port) = std::env::var(PORT) else {
        return;
    };
    let address = format!("https://localhost:{port}");
    let addresses = BTreeMap::from([("payment".to_owned(), address.clone())]);
    let answer = Http::new(addresses, "orders", None).ask(ask()).await;
    let door = Door::new(address);
    let opened = door.open("POST", "/charge", &[], Vec::new().into()).await;
    match (answer, opened) {
        (Answer::Said(Said::Outcome(Outcome::Done), _), Opened::Replied(..)) => eprintln!("heard"),
        (Answer::Nothing(why), Opened::Nothing | Opened::Away) => eprintln!("nothing: {why}"),
        other => panic!("one of both: {other:?}"),
    }
}

/// What a child says that trusts who is vouched for by this file.
async fn child(port: u16, trusts: Option<&Path>) -> String {
    let mut child = Command::new(std::env::current_exe().must("this binary"));
    child
        .args(["--exact", "encrypted::a_child_asks", "--nocapture"])
        .env(PORT, port.to_string())
        .env_remove("SSL_CERT_FILE");
    if let Some(file) = trusts {
        child.env("SSL_CERT_FILE", file);
    }
    let done = tokio::task::spawn_blocking(move || child.output());
    let done = done.await.expect("no panic").must("a child");
    String::from_utf8_lossy(&done.stderr).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_participant_is_asked_over_tls_if_it_is_vouched_for() {
    let folder = tempfile::tempdir().must("a folder");
    if !certificate(folder.path(), "mine") || !certificate(folder.path(), "other") {
        return;
    }
    let port = answers(folder.path()).await;
    let said = child(port, Some(&folder.path().join("mine.pem"))).await;
    assert!(said.contains("heard"), "{said}");
    // Neither the system nor the other certificate vouches for it: it may say what it likes.
    for file in [Some(folder.path().join("other.pem")), None] {
        let said = child(port, file.as_deref()).await;
        assert!(
            said.contains("nothing: ") && said.contains("certificate"),
            "{said}"
        );
    }
}
