//! The server: who is let in, what is answered, what every answer carries.

use std::sync::Arc;
use std::time::Duration;

use freehold_console::{Action, Options, serve};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::{Still, bookvault};

pub(super) const TOKEN: &str = "operator-token-of-this-test";

pub(super) struct Running {
    pub(super) port: u16,
    pub(super) source: Arc<Still>,
    stop: oneshot::Sender<()>,
    task: tokio::task::JoinHandle<std::io::Result<()>>,
}

pub(super) async fn start(token: bool) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let source = Still::new(bookvault());
    let (stop, stopped) = oneshot::channel();
    let options = Options {
        token: token.then(|| serve::Token::new(TOKEN)),
        hosts: Vec::new(),
        spans: Some(Arc::default()),
    };
    let task = tokio::spawn(serve(listener, Arc::clone(&source) as _, options, async {
        let _ = stopped.await;
    }));
    Running {
        port,
        source,
        stop,
        task,
    }
}

/// A request as its bytes; status, head and body of the answer.
pub(super) async fn ask(port: u16, request: &str) -> (u16, String, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", port))
        .await
        .expect("a connection");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut bytes = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut bytes)).await;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|own| own.parse().ok())
        .unwrap_or(0);
    (status, head.to_lowercase(), body.to_owned())
}

fn get(path: &str, host: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
}

fn post(headers: &str, body: &str) -> String {
    format!(
        "POST /api/v1/actions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn pages_and_json_come_with_their_headers() {
    let own = start(false).await;
    for (path, kind) in [
        ("/", "text/html"),
        ("/services/orders", "text/html"),
        ("/services/nobody", "text/html"),
        ("/nothing", "text/html"),
        ("/api/v1/services", "application/json"),
        ("/api/v1/nothing", "application/json"),
    ] {
        let (status, head, body) = ask(own.port, &get(path, "localhost")).await;
        assert_eq!(
            status,
            if path.contains("no") { 404 } else { 200 },
            "{path}"
        );
        assert!(head.contains(kind), "{path}: {head}");
        for header in [
            "content-security-policy: default-src 'none'; script-src 'self'",
            "frame-ancestors 'none'",
            "x-content-type-options: nosniff",
            "x-frame-options: deny",
            "referrer-policy: no-referrer",
            "cache-control: no-store",
        ] {
            assert!(head.contains(header), "{path}: {header}");
        }
        assert!(
            !head.contains("unsafe-inline") && !body.is_empty(),
            "{path}"
        );
    }
}

#[tokio::test]
async fn assets_are_kept_and_named_by_what_they_are() {
    let own = start(false).await;
    let (_, _, page) = ask(own.port, &get("/", "localhost")).await;
    for end in [".css", ".js"] {
        let name = page
            .split('"')
            .find(|own| own.starts_with("/assets/") && own.ends_with(end))
            .expect("an asset");
        let (status, head, _) = ask(own.port, &get(name, "localhost")).await;
        assert!(
            status == 200 && head.contains("immutable") && head.contains("nosniff"),
            "{head}"
        );
    }
    for path in [
        "/assets/..%2f..%2fetc%2fpasswd",
        "/assets/x",
        "/assets/../Cargo.toml",
        "/..%2f",
        "/%ff",
        "/services/%00",
        "/api/v1/services/..%2f..",
    ] {
        let (status, _, body) = ask(own.port, &get(path, "localhost")).await;
        assert_eq!(status, 404, "{path}");
        assert!(
            !body.contains("root:") && !body.contains("[package]"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_foreign_host_sees_nothing() {
    let own = start(true).await;
    for host in [
        "evil.example",
        "evil.example:80",
        "127.0.0.1.evil.example",
        "localhost.evil.example:4100",
        "",
        "192.168.0.1",
    ] {
        for path in [
            "/",
            "/api/v1/moment",
            "/live",
            "/assets/x",
            "/operator?token=x",
        ] {
            let (status, head, body) = ask(own.port, &get(path, host)).await;
            assert!((400..500).contains(&status), "{host} {path}: {status}");
            assert!(
                !body.contains("bookvault") && !head.contains("set-cookie"),
                "{host} {path}"
            );
        }
    }
    let (status, ..) = ask(own.port, &get("/", &format!("127.0.0.1:{}", own.port))).await;
    assert_eq!(status, 200);
    let twice =
        "GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n";
    assert!(ask(own.port, twice).await.0 >= 400);
    let absolute =
        "GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    assert_eq!(ask(own.port, absolute).await.0, 421);
}

#[tokio::test]
async fn only_the_operator_acts() {
    let good = r#"{"do":"retry_saga","id":"01JD"}"#;
    let bearer = format!("Authorization: Bearer {TOKEN}\r\n");
    let json = "Content-Type: application/json\r\n";
    let key = "Idempotency-Key: 0123456789\r\n";
    let own = start(true).await;
    for (name, headers, body, expected) in [
        ("no token", format!("{json}{key}"), good, 403),
        (
            "another token",
            format!("Authorization: Bearer x\r\n{json}{key}"),
            good,
            403,
        ),
        (
            "another site",
            format!("{bearer}{json}{key}Origin: http://evil.example\r\n"),
            good,
            403,
        ),
        (
            "another site, by its mark",
            format!("{bearer}{json}{key}Sec-Fetch-Site: cross-site\r\n"),
            good,
            403,
        ),
        (
            "a form",
            format!("{bearer}Content-Type: text/plain\r\n{key}"),
            good,
            415,
        ),
        ("no key", format!("{bearer}{json}"), good, 400),
        (
            "no action",
            format!("{bearer}{json}{key}"),
            r#"{"do":"drop_all","id":"x"}"#,
            400,
        ),
        (
            "more than an action",
            format!("{bearer}{json}{key}"),
            r#"{"do":"retry_saga","id":"x","and":1}"#,
            400,
        ),
    ] {
        let (status, _, body) = ask(own.port, &post(&headers, body)).await;
        assert_eq!(status, expected, "{name}: {body}");
        assert!(body.contains("FH40"), "{name}: {body}");
    }
    let long = format!("{}{}", good, " ".repeat(20_000));
    assert_eq!(
        ask(own.port, &post(&format!("{bearer}{json}{key}"), &long))
            .await
            .0,
        413
    );
    assert!(own.source.acted.lock().expect("a list").is_empty());
    let (status, _, body) = ask(own.port, &post(&format!("{bearer}{json}{key}"), good)).await;
    assert_eq!(
        (status, body.as_str()),
        (200, r#"{"said":"operator retried it"}"#)
    );
    let acted = own.source.acted.lock().expect("a list").clone();
    assert_eq!(
        acted,
        [(
            Action::RetrySaga {
                id: "01JD".to_owned()
            },
            "0123456789".to_owned()
        )]
    );
    // Without a token nobody is the operator, whatever is sent.
    let none = start(false).await;
    assert_eq!(
        ask(none.port, &post(&format!("{bearer}{json}{key}"), good))
            .await
            .0,
        403
    );
}

#[tokio::test]
async fn a_browser_becomes_the_operators() {
    let own = start(true).await;
    let (status, head, _) = ask(
        own.port,
        &get(&format!("/operator?token={TOKEN}"), "localhost"),
    )
    .await;
    assert_eq!(status, 303);
    assert!(
        head.contains("httponly; samesite=strict") && head.contains("location: /"),
        "{head}"
    );
    let (status, head, _) = ask(own.port, &get("/operator?token=wrong", "localhost")).await;
    assert!(status == 403 && !head.contains("set-cookie"));
    let with = format!(
        "GET /sagas HTTP/1.1\r\nHost: localhost\r\nCookie: freehold_operator={TOKEN}\r\nConnection: close\r\n\r\n"
    );
    let (_, _, page) = ask(own.port, &with).await;
    assert!(!page.contains("read-only: start"));
}

#[tokio::test]
async fn news_and_lines_come_by_themselves_and_end_with_the_console() {
    let own = start(false).await;
    let mut stream = TcpStream::connect(("127.0.0.1", own.port))
        .await
        .expect("a connection");
    stream
        .write_all(b"GET /live?logs=1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await
        .expect("sent");
    let mut text = String::new();
    let mut bytes = [0; 4096];
    while !text.contains("event: moment") {
        let n = stream.read(&mut bytes).await.expect("a piece");
        assert!(n > 0, "{text}");
        text += &String::from_utf8_lossy(&bytes[..n]);
    }
    let mut line = bookvault().logs[0].clone();
    line.text = "a <b> line".to_owned();
    own.source.lines.send(line).expect("somebody listens");
    while !text.contains("event: line") || !text.contains("&lt;b&gt;") {
        let n = stream.read(&mut bytes).await.expect("a piece");
        assert!(n > 0, "{text}");
        text += &String::from_utf8_lossy(&bytes[..n]);
    }
    own.stop.send(()).expect("it runs");
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.expect("an end");
    own.task.await.expect("it ends").expect("in peace");
}

/// Every path of the description answers, in the form that the description gives it.
#[tokio::test]
async fn the_description_is_true() {
    let own = start(false).await;
    let document: Value = serde_json::from_str(serve::OPENAPI).expect("JSON");
    let paths = document["paths"].as_object().expect("paths");
    assert!(paths.len() > 14);
    for (path, methods) in paths {
        if methods.get("get").is_none() {
            continue;
        }
        let one = match path.split('/').nth(3) {
            Some("services") => "orders",
            Some("events") => "01JD4YRP1CFYH5K0JKCTVJVWAE",
            Some("sagas") => "01JD4Y2W2AFK6SY9541SJ3EQHB",
            _ => "7c1e5a90d2b84f3fa6e1b0c94d27f8a3",
        };
        let (open, close) = (path.find('{'), path.find('}'));
        let filled = match (open, close) {
            (Some(open), Some(close)) => format!("{}{one}{}", &path[..open], &path[close + 1..]),
            _ => path.clone(),
        };
        let (status, _, body) = ask(own.port, &get(&filled, "localhost")).await;
        assert_eq!(status, 200, "{filled}");
        let body = body
            .split_once('\n')
            .filter(|_| !body.starts_with(['{', '[', 'n']))
            .map_or(body.clone(), |(_, own)| own.to_owned());
        let value: Value =
            serde_json::from_str(body.trim()).unwrap_or_else(|error| panic!("{filled}: {error}"));
        let schema = &methods["get"]["responses"]["200"]["content"]["application/json"]["schema"];
        holds(&value, schema, &document, &filled);
    }
}

/// The part of JSON Schema that the description uses.
fn holds(value: &Value, schema: &Value, document: &Value, at: &str) {
    if let Some(name) = schema["$ref"].as_str() {
        let pointer = name.trim_start_matches('#');
        return holds(value, document.pointer(pointer).expect(name), document, at);
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
        other => other.as_str().into_iter().collect(),
    };
    let fits = |kind: &&str| match *kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        _ => value.is_null(),
    };
    assert!(
        kinds.is_empty() || kinds.iter().any(fits),
        "{at}: {value} is no {kinds:?}"
    );
    for name in schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        assert!(value.get(name).is_some(), "{at}: {name} is missing");
    }
    if let Some(all) = schema["enum"].as_array() {
        assert!(all.contains(value), "{at}: {value}");
    }
    for (name, own) in schema["properties"].as_object().into_iter().flatten() {
        if let Some(value) = value.get(name) {
            holds(value, own, document, &format!("{at}.{name}"));
        }
    }
    for (n, value) in value.as_array().into_iter().flatten().enumerate() {
        holds(value, &schema["items"], document, &format!("{at}[{n}]"));
    }
}

fn spans(headers: &str, body: &str) -> String {
    post(headers, body).replacen("/api/v1/actions", "/v1/traces", 1)
}

/// Traces are taken from programs, never from pages, and bounded.
#[tokio::test]
async fn traces_come_in_from_programs_only() {
    let own = start(false).await;
    let json = "Content-Type: application/json\r\n";
    let export = r#"{"resourceSpans":[]}"#;
    for (headers, body, expected) in [
        (json.to_owned(), export.to_owned(), 200),
        (json.to_owned(), "{".to_owned(), 400),
        (
            "Content-Type: application/x-protobuf\r\n".to_owned(),
            export.to_owned(),
            415,
        ),
        (
            format!("{json}Origin: http://localhost\r\n"),
            export.to_owned(),
            403,
        ),
        (
            format!("{json}Sec-Fetch-Site: cross-site\r\n"),
            export.to_owned(),
            403,
        ),
        (
            json.to_owned(),
            format!("{{\"x\":\"{}\"}}", "x".repeat(5 << 20)),
            413,
        ),
    ] {
        let (status, _, said) = ask(own.port, &spans(&headers, &body)).await;
        assert_eq!(status, expected, "{headers}: {said}");
    }
    let (status, ..) = ask(own.port, &get("/v1/traces", "localhost")).await;
    assert_eq!(status, 405);
}
