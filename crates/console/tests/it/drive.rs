//! The console as a person uses it, in a real browser: every page by its link and by its keys, a value
//! that changes while it is looked at, a dead letter retried, a saga compensated, and what a reader of
//! screens would trip over.

use std::path::PathBuf;
use std::sync::Arc;

use freehold_browser::{Browser, Driver};
use freehold_console::Action;

use super::pages::PAGES;
use super::server::{self, Running, TOKEN};

/// Runs a script of clicks beside the server.
async fn drive(
    token: bool,
    script: impl FnOnce(&mut Driver, &str) + Send + 'static,
) -> Option<Running> {
    let browser = Browser::installed()?;
    let own = server::start(token).await;
    let address = format!("http://127.0.0.1:{}", own.port);
    let driven = tokio::task::spawn_blocking(move || {
        let folder = tempfile::tempdir().expect("a folder");
        let mut driver = Driver::start(&browser, folder.path());
        driver.show((1440, 900), false);
        script(&mut driver, &address);
    });
    driven.await.expect("the script");
    Some(own)
}

#[tokio::test]
async fn every_page_is_reached_by_a_click_and_by_keys() {
    const NOUNS: [(&str, &str, char); 8] = [
        ("/", "Map", 'm'),
        ("/services", "Services", 's'),
        ("/events", "Events", 'e'),
        ("/sagas", "Sagas", 'a'),
        ("/boundary", "Boundary", 'b'),
        ("/traces", "Traces", 't'),
        ("/logs", "Logs", 'l'),
        ("/plots", "Plots", 'p'),
    ];
    drive(false, |driver, console| {
        driver.open(console);
        for (path, title, key) in NOUNS.into_iter().rev() {
            let there = format!(
                "location.pathname === '{path}' && document.title.startsWith('{title}') && document.readyState === 'complete'"
            );
            driver.click(&format!("header nav a[href='{path}']"));
            driver.until(&there);
            driver.open(&format!("{console}/keys"));
            driver.press('g');
            driver.press(key);
            driver.until(&there);
        }
        // From the map into a service, a trace, a saga; and what is looked for is found.
        driver.click("a.house[data-node]");
        driver.until("location.pathname.startsWith('/services/')");
        driver.open(&format!("{console}/traces"));
        driver.click("tr[data-row] a");
        driver.until("location.pathname.startsWith('/traces/') && document.querySelectorAll('.span[data-row]').length > 5");
        driver.open(&format!("{console}/sagas"));
        driver.press('j');
        driver.press('j');
        driver.until("document.activeElement.matches('tr[data-row] a')");
        driver.press('/');
        driver.until("document.activeElement.matches('input[name=q]')");
        for key in "order".chars() {
            driver.press(key);
        }
        driver.run("document.querySelector('.find').requestSubmit()");
        driver.until("location.pathname === '/find' && document.querySelectorAll('main a').length > 3");
    })
    .await;
}

#[tokio::test]
async fn a_value_changes_while_it_is_looked_at() {
    let (told, tell) = tokio::sync::oneshot::channel();
    let Some(browser) = Browser::installed() else {
        return;
    };
    let own = server::start(false).await;
    let source = Arc::clone(&own.source);
    let address = format!("http://127.0.0.1:{}", own.port);
    let driven = tokio::task::spawn_blocking(move || {
        let folder = tempfile::tempdir().expect("a folder");
        let mut driver = Driver::start(&browser, folder.path());
        driver.show((1440, 900), false);
        driver.open(&format!("{address}/events"));
        driver.run("window.same = true");
        let shown = "document.querySelector('[data-live=\"rate-order.confirmed.v2\"]').textContent";
        driver.until(&format!("!{shown}.includes('77.7')"));
        told.send(()).expect("heard");
        // In place: the page was not opened again.
        driver.until(&format!("window.same && {shown}.includes('77.7/s')"));
    });
    tell.await.expect("it looks");
    source.change(|moment| {
        moment.at += 1000;
        for event in &mut moment.events {
            event.per_second = Some(77.7);
        }
    });
    driven.await.expect("the script");
}

#[tokio::test]
async fn a_dead_letter_is_retried_and_a_saga_compensated_once() {
    let driven = drive(true, |driver, console| {
        driver.open(&format!("{console}/operator?token={TOKEN}"));
        driver.until("location.pathname === '/'");
        for (page, action) in [("events", "retry_dead"), ("sagas", "compensate_saga")] {
            driver.open(&format!("{console}/{page}"));
            driver.click(&format!("[data-do={action}]"));
            driver.until("document.querySelector('dialog').open");
            driver.click("dialog button:first-of-type");
            driver
                .until("document.querySelector('dialog p').textContent === 'operator retried it'");
            driver.run("window.before = true");
            driver.click("dialog button");
            driver.until("!window.before && document.readyState === 'complete'");
        }
    })
    .await;
    let Some(driven) = driven else { return };
    let acted = driven.source.acted.lock().expect("a list").clone();
    assert_eq!(acted.len(), 2, "{acted:?}");
    assert!(matches!(acted[0].0, Action::RetryDead { .. }), "{acted:?}");
    assert!(
        matches!(acted[1].0, Action::CompensateSaga { .. }),
        "{acted:?}"
    );
    assert_ne!(acted[0].1, acted[1].1);
}

#[tokio::test]
async fn without_the_token_nothing_can_be_pressed() {
    drive(false, |driver, console| {
        for page in ["events", "sagas", "api/orders"] {
            driver.open(&format!("{console}/{page}"));
            driver.until("document.querySelectorAll('[data-do], [data-send]').length > 0");
            driver
                .until("[...document.querySelectorAll('[data-do], [data-send]')].every((own) => own.disabled)");
        }
    })
    .await;
}

/// The file of axe-core, which `scripts/install-axe.sh` fetches.
#[expect(clippy::print_stderr, reason = "a skip has to be seen")]
fn axe() -> Option<String> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let file = root.join("target/tools/axe/node_modules/axe-core/axe.min.js");
    let text = std::fs::read_to_string(file).ok();
    if text.is_none() {
        assert!(
            std::env::var_os("CI").is_none(),
            "axe-core is not fetched: scripts/install-axe.sh"
        );
        eprintln!("SKIPPED: axe-core is not fetched (scripts/install-axe.sh)");
    }
    text
}

/// No serious fault for readers of screens and for the keyboard, in both themes and on a phone.
#[tokio::test]
async fn axe_finds_no_serious_fault() {
    const FAULTS: &str = "axe.run(document, { resultTypes: ['violations'] }).then((own) => own.violations.filter((it) => ['serious', 'critical'].includes(it.impact)).map((it) => it.id + ': ' + it.nodes.slice(0, 3).map((at) => at.target.join(' ') + ' ' + at.failureSummary.replace(/\\s+/g, ' ').slice(0, 160)).join(' | ')))";
    let Some(axe) = axe() else { return };
    drive(true, move |driver, console| {
        let mut faults = Vec::new();
        for (size, dark) in [((1440, 900), false), ((1440, 900), true), ((390, 844), false)] {
            driver.show(size, dark);
            for (name, link) in PAGES {
                driver.open(&format!("{console}{link}"));
                driver.run(&format!("{axe}; true"));
                let found = driver.run(FAULTS);
                let found = found.as_array().expect("a list");
                faults.extend(found.iter().map(|own| format!("{name} {size:?} dark {dark}: {own}")));
            }
        }
        assert!(faults.is_empty(), "{}", faults.join("\n"));
        // A fault that is planted is found.
        driver.run("document.querySelector('main').insertAdjacentHTML('beforeend', '<button></button><img src=\"data:,\">'); true");
        driver.run(&format!("{axe}; true"));
        assert!(driver.run(FAULTS).as_array().is_some_and(|own| !own.is_empty()));
    })
    .await;
}

/// Every page is whole where a person looks at it, with the script running. `FREEHOLD_PICTURES=folder`
/// keeps pictures of them, in both themes and on a phone, to be looked at beside what was drawn.
#[tokio::test]
async fn every_page_is_whole_in_a_browser() {
    let folder = std::env::var_os("FREEHOLD_PICTURES").map(PathBuf::from);
    drive(true, move |driver, console| {
        driver.open(&format!("{console}/operator?token={TOKEN}"));
        let kinds = [
            ((1440, 900), false, ""),
            ((1440, 900), true, "-dark"),
            ((1280, 800), false, "-1280"),
            ((390, 844), false, "-phone"),
            ((390, 844), true, "-phone-dark"),
        ];
        let kinds = if folder.is_some() { &kinds[..] } else { &kinds[..1] };
        for (size, dark, end) in kinds {
            driver.show(*size, *dark);
            for (name, link) in PAGES {
                driver.open(&format!("{console}{link}"));
                driver.until("document.querySelector('h1, h2') && document.querySelector('footer') && document.querySelector('main').innerText.length > 40");
                if let Some(folder) = &folder {
                    driver.picture(&folder.join(format!("{name}{end}.png")));
                }
            }
        }
    })
    .await;
}
