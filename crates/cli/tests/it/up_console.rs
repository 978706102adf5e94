//! The console of a running system shows what is there and acts for its operator: copies and their
//! freshness, a key that waits and its retry, requests, traces, findings, tables and rights.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use freehold_browser::{Browser, Driver};
use serde_json::{Value, json};

use crate::up::{PATIENCE, Up, bookvault, get, is_filled, send, shown};

/// Sends an action; status and answer.
fn act(console: &str, token: &str, key: &str, action: &Value) -> (String, Value) {
    let address = console.strip_prefix("http://").expect("an address");
    let mut stream = TcpStream::connect(address).expect("it listens");
    let body = action.to_string();
    write!(
        stream,
        "POST /api/v1/actions HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nIdempotency-Key: {key}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .expect("asked");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).expect("a status");
    (status.to_owned(), serde_json::from_str(body).expect("JSON"))
}

#[test]
fn it_shows_what_the_system_does() {
    let bookvault = bookvault();
    let mut up = Up::start(&bookvault);
    let ready = up.ready();
    let console = ready["console"].as_str().expect("an address");
    assert_eq!(ready["operator"], Value::Null);
    bookvault
        .run(&["load", "--rate", "20", "--seconds", "2"])
        .done();

    // Freshness of each copy, measured.
    let fresh = |all: &Value| {
        let kinds = all["kinds"].as_array().expect("kinds").iter();
        let readers = kinds.flat_map(|own| own["readers"].as_array().expect("readers").clone());
        let readers: Vec<_> = readers.collect();
        readers.len() >= 2
            && readers
                .iter()
                .all(|own| own["fresh_ms"].is_number() && own["slo_ms"].is_number())
    };
    shown(console, "/api/v1/events", fresh);
    // Requests and their latency, from the traces that programs send.
    shown(console, "/api/v1/services/orders", |own| {
        own["program"]["requests_per_second"]
            .as_f64()
            .is_some_and(|rate| rate > 0.1)
            && own["program"]["p99_ms"]
                .as_f64()
                .is_some_and(|took| took > 0.0)
    });
    // A request with what it asked of others, and the saga that it started with its participants.
    shown(console, "/api/v1/traces", |all| {
        let all = all.as_array().expect("traces");
        let has = |name: &str, service: &str| {
            all.iter().any(|own| {
                let spans = own["spans"].as_array().expect("spans");
                own["name"] == name && spans.iter().any(|it| it["service"] == service)
            })
        };
        has("POST /orders", "customers")
            && has("POST /orders", "payment")
            && has("POST /orders", "catalog")
            // Two definitions have the same steps: each saga is called by its own.
            && all.iter().any(|own| own["spans"].to_string().contains("\"place_order\""))
    });
    // From the write to the copy: when the other service could read it.
    let price = json!({ "priceCents": 1357 });
    let changed = send("PUT", url_of(&ready, "catalog"), "/books/7/price", &price);
    assert!(changed.starts_with("HTTP/1.1 200"), "{changed}");
    shown(console, "/api/v1/traces", |all| price_change(all).is_some());
    // Tables, what was applied, and that the code crosses nothing.
    let own = shown(console, "/api/v1/services/orders", |own| {
        own["stores"][0]["tables"]
            .as_array()
            .is_some_and(|all| !all.is_empty())
    });
    let tables = own["stores"][0]["tables"].as_array().expect("tables");
    let kind = |name: &str| {
        tables
            .iter()
            .find(|it| it["name"] == name)
            .map(|it| it["kind"].clone())
    };
    assert_eq!(kind("order_items"), Some(json!("append-only")), "{own}");
    assert_eq!(kind("book_cache"), Some(json!("copy of catalog")), "{own}");
    let migrations = own["stores"][0]["migrations"]
        .as_array()
        .expect("migrations");
    assert!(
        !migrations.is_empty() && migrations.iter().all(|it| it["same"] == true),
        "{own}"
    );
    let boundary = shown(console, "/api/v1/boundary", |own| own["files"].is_u64());
    assert_eq!(
        (&boundary["trouble"], &boundary["findings"]),
        (&json!(""), &json!([]))
    );

    facts(console);
    picture(&bookvault, console);

    // Without a token nothing is done.
    let (status, said) = act(
        console,
        "guessed",
        "12345678",
        &json!({ "do": "retry_dead", "id": "x" }),
    );
    assert_eq!((status.as_str(), &said["code"]), ("403", &json!("FH4002")));
    assert_eq!(up.interrupt(), 0);
}

/// What a page would else call not known: rates, an event's way, rows that wait, what steps were
/// answered, how many rows there are, who may enter.
fn facts(console: &str) {
    let of = |event: &Value| event["event"] == "book.changed.v1" && event["key"] == "bookId = 7";
    let seen = shown(console, "/api/v1/events", |all| {
        let kinds = all["kinds"].as_array().expect("kinds");
        let newest = all["newest"].as_array().expect("events");
        kinds.iter().all(|own| own["per_second"].is_number())
            && newest
                .iter()
                .any(|own| of(own) && own["fresh_ms"].is_number())
    });
    let newest = seen["newest"].as_array().expect("events");
    let way = newest.iter().find(|own| of(own)).expect("shown");
    assert_eq!(way["applied"], way["readers"], "{way}");
    assert_eq!(way["payload"]["value"]["priceCents"], 1357, "{way}");
    // What its contract marks as personal is blank; so is nothing else.
    let text = seen.to_string();
    assert!(!text.contains("@example"), "{text}");
    shown(console, "/api/v1/services/orders", |own| {
        let tables = own["stores"][0]["tables"].as_array().expect("tables");
        own["outbox_rows"].is_u64()
            && tables
                .iter()
                .any(|it| it["name"] == "orders" && it["rows"].as_u64().is_some_and(|n| n > 0))
    });
    shown(console, "/api/v1/sagas", |own| {
        let all = own["instances"].as_array().expect("instances");
        all.iter().any(|it| {
            let attempts = it["attempts"].as_array().expect("attempts");
            it["state"] == "completed" && attempts.iter().any(|own| own["step"] == "charge")
        })
    });
    // Files have no logins: that is said, and is no clean bill.
    let entered = shown(console, "/api/v1/databases", |own| own["stores"].is_array());
    let stores = entered["stores"].as_array().expect("stores");
    assert!(stores.len() >= 4, "{entered}");
    assert!(
        stores.iter().all(|own| own["unseen"] != json!([])),
        "{entered}"
    );
}

/// The trace of a changed price that orders can read; others may keep it, too.
fn price_change(all: &Value) -> Option<Value> {
    let taken = |own: &Value| {
        own["kind"] == "event" && own["service"] == "orders" && own["failed"] == false
    };
    let mut all = all.as_array().expect("traces").iter();
    let found = all.find(|own| {
        let spans = own["spans"].as_array().expect("spans");
        own["name"] == CHANGE && spans.iter().any(taken)
    });
    found.cloned()
}

const CHANGE: &str = "PUT /books/{id}/price";

/// README's picture, into the file that `FREEHOLD_PICTURE` names: the map of BookVault at work.
fn picture(bookvault: &crate::binary::Example, console: &str) {
    let (Some(file), Some(browser)) = (std::env::var_os("FREEHOLD_PICTURE"), Browser::installed())
    else {
        return;
    };
    // For a minute's figures.
    bookvault
        .run(&["load", "--rate", "2", "--seconds", "60"])
        .done();
    let folder = tempfile::tempdir().expect("a folder");
    let mut driver = Driver::start(&browser, folder.path());
    driver.show((1440, 1000), false);
    driver.open(console);
    driver.picture(std::path::Path::new(&file));
    if let Some(folder) = std::env::var_os("FREEHOLD_PICTURES") {
        pictures(&mut driver, console, std::path::Path::new(&folder));
    }
}

/// One of every page of the running system, in both themes and on a phone.
fn pictures(driver: &mut Driver, console: &str, folder: &std::path::Path) {
    let newest = |path: &str, list: &str, fits: &dyn Fn(&Value) -> bool| {
        let (_, all) = get(console, path);
        let all: Value = serde_json::from_str(&all).expect("JSON");
        let all = if list.is_empty() { &all } else { &all[list] };
        let mut all = all.as_array().expect("a list").iter();
        let own = all.find(|own| fits(own)).expect("one");
        own["id"].as_str().expect("an id").to_owned()
    };
    let event = newest("/api/v1/events", "newest", &|own| {
        own["fresh_ms"].is_number()
    });
    let saga = newest("/api/v1/sagas", "instances", &|own| {
        own["state"] == "completed"
    });
    let trace = newest("/api/v1/traces", "", &|own| own["saga"] != "");
    let pages = [
        ("map", "/".to_owned()),
        ("services", "/services".to_owned()),
        ("service", "/services/orders".to_owned()),
        ("events", "/events".to_owned()),
        ("event", format!("/events/{event}")),
        ("sagas", "/sagas".to_owned()),
        ("saga", format!("/sagas/{saga}")),
        ("boundary", "/boundary".to_owned()),
        ("trace", format!("/traces/{trace}")),
        ("plots", "/plots".to_owned()),
        ("api", "/api".to_owned()),
        ("explorer", "/api/orders".to_owned()),
    ];
    for (size, dark, end) in [
        ((1280, 800), false, ""),
        ((1280, 800), true, "-dark"),
        ((390, 844), false, "-phone"),
    ] {
        driver.show(size, dark);
        for (name, path) in &pages {
            driver.open(&format!("{console}{path}"));
            driver.picture(&folder.join(format!("live-{name}{end}.png")));
        }
    }
}

/// orders' store refuses a copy of a book until it is mended.
fn breaks(path: &std::path::Path, sql: &str) {
    let store = rusqlite::Connection::open(path).expect("the store");
    store
        .busy_timeout(Duration::from_secs(10))
        .expect("patience");
    store.execute_batch(sql).expect("done");
}

fn operator(ready: &Value) -> (String, String) {
    let address = ready["operator"].as_str().expect("an address");
    let (console, token) = address.split_once("/operator?token=").expect("a token");
    (console.to_owned(), token.to_owned())
}

fn url_of<'a>(ready: &'a Value, name: &str) -> &'a str {
    let programs = ready["programs"].as_array().expect("programs");
    let found = programs
        .iter()
        .find(|own| own["name"] == name)
        .expect("runs");
    found["url"].as_str().expect("an address")
}

/// An event that its reader refuses waits, is told with its reason, and is applied when an operator
/// says so: by a click where there is a browser, else by the request that the click sends.
#[test]
fn a_key_that_waits_is_retried_by_its_operator() {
    let bookvault = bookvault();
    let mut up = Up::begin(&bookvault, &["up", "--json", "--token"]);
    let ready = up.ready();
    let (console, token) = operator(&ready);
    is_filled(&ready);
    let store = bookvault
        .path()
        .join(".freehold/stores/main/orders/store.db");
    breaks(
        &store,
        "CREATE TRIGGER refuses BEFORE UPDATE ON book_cache WHEN NEW.book_id = 5 BEGIN SELECT RAISE(ABORT, 'not on a Saturday'); END",
    );
    let price = json!({ "priceCents": 4321 });
    let changed = send("PUT", url_of(&ready, "catalog"), "/books/5/price", &price);
    assert!(changed.starts_with("HTTP/1.1 200"), "{changed}");
    let seen = shown(&console, "/api/v1/events", |own| {
        own["dead"].as_array().is_some_and(|all| !all.is_empty())
    });
    let letter = &seen["dead"][0];
    assert_eq!(
        (&letter["service"], &letter["key"]),
        (&json!("orders"), &json!("5"))
    );
    assert!(
        letter["why"]
            .as_str()
            .is_some_and(|why| why.contains("not on a Saturday")),
        "{letter}"
    );
    // Its reader has it and nobody can read it there.
    let all = shown(&console, "/api/v1/traces", |all| {
        all.to_string().contains("book.changed.v1 taken")
    });
    assert_eq!(price_change(&all), None, "{all}");
    let (_, map) = get(&console, "/api/v1/attention");
    assert!(map.contains("waits in orders"), "{map}");

    // What refuses it is still there.
    let retry = json!({ "do": "retry_dead", "id": letter["id"] });
    let (status, said) = act(&console, &token, "first-try", &retry);
    assert_eq!(
        (status.as_str(), &said["code"]),
        ("409", &json!("FH3913")),
        "{said}"
    );
    breaks(&store, "DROP TRIGGER refuses");
    // The same request again is answered as before; a new one is done.
    let (_, again) = act(&console, &token, "first-try", &retry);
    assert_eq!(again, said);
    if let Some(browser) = Browser::installed() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut driver = Driver::start(&browser, folder.path());
        driver.open(&format!("{console}/operator?token={token}"));
        driver.open(&format!("{console}/events"));
        driver.click("[data-do=retry_dead]");
        driver.click("dialog button:first-of-type");
        driver
            .until("document.querySelector('dialog p').textContent.includes('1 of key 5 applied')");
    } else {
        let (status, said) = act(&console, &token, "second-try", &retry);
        assert_eq!(status, "200", "{said}");
    }
    shown(&console, "/api/v1/events", |own| own["dead"] == json!([]));
    assert_eq!(up.interrupt(), 0);
}

/// Places an order, when those whom orders asks have the time.
fn place(orders: &str) {
    let order = json!({ "customerId": 3, "items": [{ "bookId": 5, "quantity": 1 }] });
    let begun = Instant::now();
    loop {
        let placed = send("POST", orders, "/orders", &order);
        if placed.starts_with("HTTP/1.1 201") {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{placed}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// A page that is open follows what happens, without being opened again, and an API is tried on it.
#[test]
fn an_open_page_follows_what_happens() {
    let Some(browser) = Browser::installed() else {
        return;
    };
    let bookvault = bookvault();
    let mut up = Up::begin(&bookvault, &["up", "--json", "--token"]);
    let ready = up.ready();
    let (console, token) = operator(&ready);
    is_filled(&ready);
    let folder = tempfile::tempdir().expect("a folder");
    let mut driver = Driver::start(&browser, folder.path());
    let order = || place(url_of(&ready, "orders"));
    // However it ends, there is one saga more.
    driver.open(&format!("{console}/sagas"));
    driver.run("window.count = () => [...document.querySelectorAll('[data-live^=count-]')].reduce((all, own) => all + Number(own.textContent), 0); window.before = count()");
    order();
    driver.until("count() > before");
    // A line of a program's log, as it is written.
    driver.open(&format!("{console}/logs?from=orders"));
    driver.run("window.placed = () => [...document.querySelectorAll('[data-logs] li')].filter((own) => own.textContent.includes('placed')).length; window.before = placed()");
    // Until the page hears: what is written before it listens is not its news.
    let begun = Instant::now();
    while driver.run("placed() > before") != true {
        assert!(begun.elapsed() < PATIENCE, "no line");
        order();
        std::thread::sleep(Duration::from_millis(200));
    }
    // An operation of a service is tried from its document, once somebody may.
    shown(&console, "/api/v1/services/orders", |own| {
        own["api"]["operations"]
            .as_array()
            .is_some_and(|all| !all.is_empty())
    });
    driver.open(&format!("{console}/api/orders"));
    driver.until("document.querySelector('#op-0 [data-send]').disabled");
    driver.open(&format!("{console}/operator?token={token}"));
    driver.open(&format!("{console}/api/orders"));
    let begun = Instant::now();
    loop {
        driver.run("document.querySelector('#op-0 [data-answer]').replaceChildren()");
        driver.click("#op-0 [data-send]");
        driver.until("document.querySelector('#op-0 [data-answer] p')");
        let said = driver.run("document.querySelector('#op-0 [data-answer]').textContent");
        if said.as_str().is_some_and(|own| own.starts_with("201 ")) {
            break;
        }
        // Who is busy says so.
        assert!(begun.elapsed() < PATIENCE, "{said}");
    }
    shown(&console, "/api/v1/logs", |all| {
        all.to_string()
            .contains("operator tried POST /orders of orders: 201")
    });
    assert_eq!(up.interrupt(), 0);
}

/// A saga that is under way is taken back by its operator, and who asked stands in its trail.
#[test]
fn a_saga_is_compensated_by_its_operator() {
    let bookvault = bookvault();
    let mut up = Up::begin(&bookvault, &["up", "--json", "--token"]);
    let ready = up.ready();
    let (console, token) = operator(&ready);
    is_filled(&ready);
    // The shop sells from its copy; the saga waits for who has the stock.
    crate::up::ask(&bookvault, "rest catalog");
    shown(&console, "/api/v1/services/catalog", |own| {
        own["health"] != "up"
    });
    place(url_of(&ready, "orders"));
    let seen = shown(&console, "/api/v1/sagas", |own| {
        let all = own["instances"].as_array().expect("instances");
        all.iter()
            .any(|it| it["at_step"] == "reserve_inventory" && it["state"] == "running")
    });
    let all = seen["instances"].as_array().expect("instances");
    let own = all
        .iter()
        .find(|it| it["at_step"] == "reserve_inventory")
        .expect("it");
    let id = own["id"].as_str().expect("an id");
    // On a slow machine the request may be kept before it is taken; it is taken all the same.
    if let Some(browser) = Browser::installed() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut driver = Driver::start(&browser, folder.path());
        driver.open(&format!("{console}/operator?token={token}"));
        driver.open(&format!("{console}/sagas/{id}"));
        driver.click("[data-do=compensate_saga]");
        driver.click("dialog button:first-of-type");
        driver.until(
            "/asked for compensate: done|FH4135/.test(document.querySelector('dialog p').textContent)",
        );
    } else {
        let compensate = json!({ "do": "compensate_saga", "id": id });
        let (status, said) = act(&console, &token, "take-it-back", &compensate);
        assert!(status == "200" || said["code"] == "FH4135", "{said}");
    }
    crate::up::ask(&bookvault, "resume catalog");
    shown(&console, &format!("/api/v1/sagas/{id}"), |own| {
        own["state"] == "compensated"
    });
    let trail = bookvault
        .run(&["saga", "show", "orders", id, "--servers", "embedded"])
        .done();
    assert!(
        trail.contains("operator (console) asked for compensate"),
        "{trail}"
    );
    assert_eq!(up.interrupt(), 0);
}
