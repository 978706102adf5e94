//! BookVault's payment as a participant, in Rust and in Python, by one list of requests: what is
//! signed by its caller is done once and answered, whatever is forged changes nothing and is
//! answered by nothing that could be acted on.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use freehold_saga::{http, wire};
use rusqlite::Connection;

use crate::binary::Example;
use crate::up::programs;

const KEY: &str = "of this test alone";
/// With its keys in order, as callers send it.
const BODY: &str = r#"{"amountCents":1999,"currency":"EUR","customerId":7,"orderId":17}"#;
/// By `sha256sum`.
const DIGEST: &str = "aa9c51e57da5b14f6295fefb27e34fa462315fcda572a6be874f59d880ee5ae7";
const FAR: u64 = 4_000_000_000_000;

/// A program of payment over its own store; ends with the test.
struct Payment {
    child: Child,
    port: u16,
    store: PathBuf,
}

impl Drop for Payment {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn payment(bookvault: &Example, command: &[&str]) -> Payment {
    bookvault.run(&["--servers", "embedded", "apply"]).done();
    let store = bookvault
        .path()
        .join(".freehold/stores/main/payment/store.db");
    let open = Connection::open(&store).expect("a store");
    open.execute(
        "INSERT INTO payment_methods (customer_id, kind, provider_token) VALUES (7, 'card', 'tok')",
        [],
    )
    .expect("a way to pay");
    let mut child = Command::new(command[0])
        .args(&command[1..])
        .env("DATABASE_URL", format!("sqlite:{}", store.display()))
        .env("PORT", "0")
        .env("FREEHOLD_CALLER_KEY", KEY)
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let listens = |line: std::io::Result<String>| {
        let line = line.expect("text");
        line.rsplit_once("listening on http://127.0.0.1:")?
            .1
            .parse()
            .ok()
    };
    let port = lines.find_map(listens).expect("it says where it listens");
    // Whoever writes a log wants it read.
    std::thread::spawn(move || lines.for_each(drop));
    Payment { child, port, store }
}

/// A request as a caller makes it; fields are changed to forge one.
#[derive(Clone)]
struct Request {
    method: &'static str,
    path: &'static str,
    key: String,
    expires: u64,
    body: &'static str,
    digest: &'static str,
    caller: &'static str,
    signature: Option<String>,
}

fn request(key: &str) -> Request {
    Request {
        method: "POST",
        path: "/payments/charge",
        key: key.to_owned(),
        expires: FAR,
        body: BODY,
        digest: DIGEST,
        caller: "orders",
        signature: None,
    }
    .signed(KEY)
}

fn silent(method: &'static str, key: &str) -> Request {
    Request {
        method,
        path: wire::BARRIER_PATH,
        body: "",
        digest: "",
        ..request(key)
    }
    .signed(KEY)
}

impl Request {
    fn signed(mut self, key: &str) -> Self {
        let text = wire::signed_text(
            self.caller,
            self.method,
            self.path,
            &self.key,
            self.expires,
            self.digest,
        );
        self.signature = Some(http::signature(key.as_bytes(), &text));
        self
    }
}

/// Status, the echoed outcome or generations, and the body.
fn ask(payment: &Payment, request: &Request) -> (u16, Option<String>, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", payment.port)).expect("it listens");
    let Request {
        method,
        path,
        key,
        expires,
        body,
        digest,
        caller,
        signature,
    } = request;
    let signature = signature
        .as_deref()
        .map_or(String::new(), |it| format!("{}: {it}\r\n", wire::SIGNATURE));
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: payment\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n{}: {key}\r\n{}: {expires}\r\n{}: {digest}\r\n{}: {caller}\r\n{signature}\r\n{body}",
        body.len(),
        wire::KEY,
        wire::EXPIRES,
        wire::DIGEST,
        wire::CALLER,
    )
    .expect("asked");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let header = |name: &str| {
        head.lines().skip(1).find_map(|line| {
            let (it, value) = line.split_once(':')?;
            it.eq_ignore_ascii_case(name)
                .then(|| value.trim().to_owned())
        })
    };
    let status = head.split(' ').nth(1).and_then(|it| it.parse().ok());
    let said = header(wire::OUTCOME).or_else(|| header(wire::GENERATIONS));
    // What does not echo the key says nothing, whatever else it says.
    let said = said.filter(|_| header(wire::KEY).as_deref() == Some(key));
    (status.expect("a status"), said, body.to_owned())
}

/// (payments, cents captured and not back, rows of the barrier).
fn ledger(payment: &Payment) -> (i64, i64, i64) {
    let store = Connection::open(&payment.store).expect("a store");
    let sql = "SELECT (SELECT COUNT(*) FROM payments),
        (SELECT COALESCE(SUM(amount_cents - refunded_cents), 0) FROM payments WHERE status = 'captured'),
        (SELECT COUNT(*) FROM freehold_barrier)";
    store
        .query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .expect("counted")
}

#[track_caller]
fn says(payment: &Payment, request: &Request, expected: &str) {
    let (status, said, body) = ask(payment, request);
    assert_eq!((status, said.as_deref()), (200, Some(expected)), "{body}");
}

fn keeps_the_contract(payment: &Payment) {
    let action = || request("5f/charge/1/action");
    let forged = [
        Request {
            signature: None,
            ..action()
        },
        action().signed("another key"),
        Request {
            caller: "catalog",
            ..action()
        },
        Request {
            key: "5f/charge/2/action".to_owned(),
            ..action()
        },
        Request {
            expires: FAR + 1,
            ..action()
        },
        Request {
            path: "/payments/refund",
            ..action()
        },
        Request {
            body: r#"{"amountCents":1,"currency":"EUR","customerId":7,"orderId":17}"#,
            ..action()
        },
    ];
    for request in &forged {
        let (status, said, body) = ask(payment, request);
        assert_eq!((status, said), (401, None), "{body}");
    }
    assert_eq!(ledger(payment), (0, 0, 0), "a forged call did something");

    let late = Request {
        expires: 1_000,
        ..action()
    };
    assert_eq!(ask(payment, &late.signed(KEY)).1, None);
    assert_eq!(ledger(payment), (0, 0, 0), "a late call did something");

    says(payment, &request("5f/charge/1/resolve"), "not-found");
    says(payment, &action(), "done");
    let (_, _, first) = ask(payment, &action());
    let (_, _, second) = ask(payment, &action());
    assert_eq!(first, second);
    assert!(first.contains("\"paymentId\""), "{first}");
    assert_eq!(ledger(payment), (1, 1999, 1));
    says(payment, &silent("POST", "5f/charge/1/status"), "1 1");
    says(payment, &request("5f/charge/1/undo"), "undone");
    says(payment, &action(), "cancelled");
    assert_eq!(ledger(payment), (1, 0, 2));
    says(payment, &request("60/charge/1/cancel"), "never");
    says(payment, &request("60/charge/1/action"), "cancelled");
    assert_eq!(ledger(payment), (1, 0, 4));

    let erased = |key| ask(payment, &silent("DELETE", "5f/-/0/forget").signed(key)).0;
    assert_eq!(erased("another key"), 401);
    assert_eq!(ledger(payment).2, 4, "a forged call made it forget");
    assert!((200..300).contains(&erased(KEY)));
    assert_eq!(ledger(payment).2, 2);
}

#[test]
fn payment_in_rust_does_what_its_caller_signed() {
    let bookvault = Example::copy("bookvault");
    let program = programs().join("bookvault");
    let program = program.to_str().expect("a path");
    keeps_the_contract(&payment(&bookvault, &[program, "payment"]));
}

#[test]
fn payment_in_python_does_what_its_caller_signed() {
    let python = Command::new("python3").arg("--version").output();
    if !python.is_ok_and(|it| it.status.success()) {
        eprintln!("skipped: there is no python3");
        assert!(std::env::var_os("CI").is_none(), "CI needs python3");
        return;
    }
    let bookvault = Example::copy("bookvault");
    let program: &Path = &bookvault.path().join("programs/payment.py");
    let program = program.to_str().expect("a path");
    keeps_the_contract(&payment(&bookvault, &["python3", program]));
}
