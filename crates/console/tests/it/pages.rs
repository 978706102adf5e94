//! Pages from fixed data: what stands on them, what never does, how long they take.

use std::time::Instant;

use freehold_console::page::{Asked, Setting, at, document};
use freehold_console::{Moment, serve};

use super::{bookvault, large, nothing};

/// Every page, by a name for its picture.
pub(super) const PAGES: [(&str, &str); 21] = [
    ("map", "/"),
    ("near", "/?near=orders"),
    ("services", "/services"),
    ("service", "/services/orders"),
    ("boundary", "/boundary"),
    ("logs", "/logs"),
    ("sagas", "/sagas"),
    ("saga", "/sagas/01JD4Y2W2AFK6SY9541SJ3EQHB"),
    ("saga-done", "/sagas/01JD4YRNXK4ZT7H8D3M1Q2NRFB"),
    ("events", "/events"),
    ("event-kind", "/events?event=order.confirmed.v2"),
    ("event", "/events/01JD4YRP1CFYH5K0JKCTVJVWAE"),
    ("traces", "/traces"),
    ("trace", "/traces/7c1e5a90d2b84f3fa6e1b0c94d27f8a3"),
    ("plots", "/plots"),
    ("find", "/find?q=order"),
    ("api", "/api"),
    ("explorer", "/api/orders"),
    ("keys", "/keys"),
    ("lost", "/services/ordrs"),
    ("logs-of", "/logs?from=orders&level=warn"),
];

/// A page with its stylesheet inside, so that it stands alone.
pub(super) fn alone(link: &str, moment: &Moment, writes: bool) -> String {
    let setting = Setting {
        writes,
        css: "CSS".to_owned(),
        script: "SCRIPT".to_owned(),
    };
    let page = render(link, moment, &setting).expect("a page");
    page.replacen(
        "<link rel=\"stylesheet\" href=\"CSS\">",
        &format!("<style>{}</style>", serve::stylesheet()),
        1,
    )
    .replacen("<script src=\"SCRIPT\"></script>", "", 1)
}

fn render(link: &str, moment: &Moment, setting: &Setting) -> Option<String> {
    let (path, query) = link.split_once('?').unwrap_or((link, ""));
    let asked: Asked = query
        .split('&')
        .filter_map(|own| own.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    at(path, &asked, moment, setting).map(|page| document(&page, moment, setting))
}

/// `FREEHOLD_PAGES=folder` keeps the pages, to be looked at.
#[test]
fn every_page_of_every_system() {
    for (name, moment) in [("", bookvault()), ("empty-", nothing())] {
        for (page, link) in PAGES {
            let text = alone(link, &moment, false);
            if let Some(folder) = std::env::var_os("FREEHOLD_PAGES") {
                let file = std::path::Path::new(&folder).join(format!("{name}{page}.html"));
                std::fs::write(file, &text).expect("a page");
            }
            for outside in [
                "http://",
                "https://",
                " src=",
                "@import",
                "style=\"",
                " onclick",
                "javascript:",
            ] {
                assert!(!text.contains(outside), "{name}{page}: {outside}");
            }
            assert!(text.contains("this page as JSON"), "{name}{page}");
            assert!(
                !text.contains("NaN") && !text.contains("inf "),
                "{name}{page}"
            );
        }
    }
}

#[test]
fn what_needs_a_person_is_said_with_its_next_step() {
    let text = alone("/", &bookvault(), false);
    for said in [
        "Saga parked at charge_card",
        "One key waits in search",
        "Drift in orders",
        "New crossing in code",
        "18 min 6 s",
        "freehold plan orders",
        "3 live · 1 in code",
    ] {
        let text = text.replace("</b>", "").replace("<b>", "");
        assert!(text.contains(said), "{said}");
    }
    assert!(alone("/", &nothing(), false).contains("Nothing. All is as described."));
}

/// What the engine does not keep apart is not shown as kept apart.
#[test]
fn no_wall_is_drawn_that_is_not_there() {
    let mut moment = bookvault();
    assert!(alone("/", &moment, false).contains("no way across"));
    for service in &mut moment.services {
        for store in &mut service.stores {
            store.advisory = true;
        }
    }
    let text = alone("/", &moment, false);
    assert!(!text.contains("no way across") && text.contains("not kept apart"));
}

/// What is marked personal stands on no page and in no JSON.
#[test]
fn personal_fields_are_never_shown() {
    let moment = bookvault();
    let mut all: Vec<String> = PAGES
        .iter()
        .map(|(_, link)| alone(link, &moment, true))
        .collect();
    for path in [
        "moment",
        "events",
        "sagas",
        "events/01JD4YRP1CFYH5K0JKCTVJVWAE",
    ] {
        all.push(
            serve::api(path, &Asked::new(), &moment)
                .expect("JSON")
                .to_string(),
        );
    }
    let shown = all
        .iter()
        .filter(|own| own.contains("personal, not shown"))
        .count();
    assert!(shown >= 4, "{shown}: the fixture has personal fields");
    for text in all {
        assert!(
            !text.contains("ada@example.org")
                && !text.contains("x@example.org")
                && !text.contains("\"Ada\"")
        );
    }
}

/// What a service or an event is called is text, wherever it stands.
#[test]
fn names_are_text_and_not_markup() {
    let mut text = serde_json::to_string(&bookvault()).expect("JSON");
    let evil = "<img/onerror=x>\\\"'&";
    for name in [
        "orders",
        "order_search",
        "order.confirmed.v2",
        "customer 20417",
        "place_order",
        "charge_card",
        "payment provider",
        "POST /orders",
    ] {
        text = text.replace(name, evil);
    }
    let moment: Moment = serde_json::from_str(&text).expect("a moment");
    for (name, link) in PAGES {
        let page = alone(link, &moment, true);
        assert!(!page.contains("<img"), "{name}");
    }
    assert!(alone("/", &moment, true).contains("&lt;img/onerror=x&gt;"));
}

#[test]
fn without_a_token_actions_are_shown_and_off() {
    let moment = bookvault();
    let (reads, writes) = (
        alone("/sagas", &moment, false),
        alone("/sagas", &moment, true),
    );
    assert!(
        reads.contains("data-do=\"retry_saga\"") && reads.contains("start with an operator token")
    );
    let on = |text: &str| {
        text.split("<button")
            .filter(|own| {
                own.contains("data-do=")
                    && !own
                        .split('>')
                        .next()
                        .unwrap_or_default()
                        .contains("disabled")
            })
            .count()
    };
    assert_eq!((on(&reads), on(&writes)), (0, 2));
}

/// Measured and printed; the assertion only catches what is worse by an order of magnitude.
#[test]
#[expect(clippy::print_stderr, reason = "a measurement is to be read")]
fn large_systems_are_fast() {
    let moment = large();
    for link in [
        "/",
        "/?near=orders",
        "/services",
        "/sagas",
        "/services/orders",
        "/find?q=orders-1",
    ] {
        let begun = Instant::now();
        let text = alone(link, &moment, false);
        eprintln!(
            "{link}: {:.1} ms, {} KB, 200 services and 10,000 sagas",
            begun.elapsed().as_secs_f64() * 1000.0,
            text.len() / 1024
        );
        assert!(text.len() < 600 * 1024, "{link}");
    }
}

/// Every link on a page leads to a page.
#[test]
fn links_lead_somewhere() {
    let moment = bookvault();
    let setting = Setting::default();
    let mut seen = 0;
    for (name, link) in PAGES {
        for part in alone(link, &moment, false).split("href=\"/").skip(1) {
            let target =
                format!("/{}", part.split('"').next().unwrap_or_default()).replace("&amp;", "&");
            let (path, query) = target.split_once('?').unwrap_or((&target, ""));
            let asked: Asked = query
                .split('&')
                .filter_map(|own| own.split_once('='))
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect();
            let found = match path.strip_prefix("/api/v1/") {
                // A page that was not found has no JSON of its own.
                Some(path) => serve::api(path, &asked, &moment).is_some(),
                None => at(path, &asked, &moment, &setting).is_some_and(|page| page.found),
            };
            assert!(found, "{name}: {target}");
            seen += 1;
        }
    }
    assert!(seen > 300, "{seen}");
}
