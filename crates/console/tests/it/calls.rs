//! The API explorer's requests: only its operator's, only what a service's own document describes.

use super::server::{Running, TOKEN, ask, start};

fn post(headers: &str, body: &str) -> String {
    format!(
        "POST /api/v1/calls HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{headers}\r\n{body}",
        body.len()
    )
}

fn bearer() -> String {
    format!("Authorization: Bearer {TOKEN}\r\n")
}

fn called(own: &Running) -> usize {
    own.source.called.lock().expect("a list").len()
}

#[tokio::test]
async fn what_is_described_is_sent() {
    let own = start(true).await;
    let show = r#"{"service":"orders","method":"GET","path":"/orders/{id}","parameters":{"id":"7/8","more":"x"},"body":"none is taken"}"#;
    let (status, _, body) = ask(own.port, &post(&bearer(), show)).await;
    assert!(status == 200 && body.contains("\"status\":201"), "{body}");
    let place = r#"{"service":"orders","method":"POST","path":"/orders","parameters":{"Idempotency-Key":"k"},"body":"{}"}"#;
    assert_eq!(ask(own.port, &post(&bearer(), place)).await.0, 200);
    let sent = own.source.called.lock().expect("a list").clone();
    assert_eq!(
        (sent[0].target.as_str(), &sent[0].body),
        ("/orders/7%2F8", &None)
    );
    let body = ("application/json".to_owned(), "{}".to_owned());
    assert_eq!(sent[1].body.as_ref(), Some(&body));
    let key = ("idempotency-key".to_owned(), "k".to_owned());
    assert_eq!(sent[1].headers, [key]);
}

#[tokio::test]
async fn nothing_else_is() {
    let show =
        r#"{"service":"orders","method":"GET","path":"/orders/{id}","parameters":{"id":"7"}}"#;
    let own = start(true).await;
    for (name, headers, body, expected) in [
        ("no token", String::new(), show, 403),
        (
            "another site",
            format!("{}Origin: http://evil.example\r\n", bearer()),
            show,
            403,
        ),
        (
            "not described",
            bearer(),
            r#"{"service":"orders","method":"GET","path":"/admin"}"#,
            404,
        ),
        (
            "another method",
            bearer(),
            r#"{"service":"orders","method":"DELETE","path":"/orders/{id}","parameters":{"id":"7"}}"#,
            404,
        ),
        (
            "a service without a document",
            bearer(),
            r#"{"service":"payment","method":"GET","path":"/orders/{id}"}"#,
            404,
        ),
        (
            "without its id",
            bearer(),
            r#"{"service":"orders","method":"GET","path":"/orders/{id}"}"#,
            400,
        ),
        (
            "up from its place",
            bearer(),
            r#"{"service":"orders","method":"GET","path":"/orders/{id}","parameters":{"id":".."}}"#,
            400,
        ),
        (
            "an address of its own",
            bearer(),
            r#"{"service":"orders","method":"GET","path":"/orders/{id}","address":"http://evil.example"}"#,
            400,
        ),
    ] {
        let (status, _, said) = ask(own.port, &post(&headers, body)).await;
        assert_eq!(status, expected, "{name}: {said}");
        assert!(said.contains("FH40"), "{name}: {said}");
    }
    // A page that reads only has no operator.
    let none = start(false).await;
    assert_eq!(ask(none.port, &post(&bearer(), show)).await.0, 403);
    assert_eq!((called(&own), called(&none)), (0, 0));
}
