//! The pages in a real browser: nothing leaves, nothing scrolls sideways, no text lies on another,
//! none is cut; and the script runs under the policy that is served.
//!
//! Needs Chromium; without it, a loud skip on a laptop and a failure in CI. Pages are measured by a
//! script that only their copies for this test have.

use freehold_browser::{Browser, Driver, Sheet};
use freehold_console::Moment;

use super::pages::{PAGES, alone};
use super::{bookvault, nothing, server};

const SHEET: Sheet<'_> = Sheet {
    widths: &[360, 390, 820, 1200, 1280, 1440],
    own: include_str!("browser.js"),
};

#[test]
fn pages_fit_every_width() {
    let Some(browser) = Browser::installed() else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let mut pages: Vec<(String, String)> = Vec::new();
    for (name, moment) in [("", bookvault()), ("empty-", nothing())] {
        for (page, link) in PAGES {
            pages.push((format!("{name}{page}"), alone(link, &moment, false)));
        }
    }
    pages.push(("map-four".to_owned(), alone("/", &four(), false)));
    let all = SHEET.measure(&browser, folder.path(), &pages);
    let faults: String = all.iter().map(freehold_browser::Measured::faults).collect();
    assert!(faults.is_empty(), "{faults}");
}

/// Four services on one server: as many columns as are drawn.
fn four() -> Moment {
    let mut moment = bookvault();
    let server = moment.services[0].stores[0].server.clone();
    let payment = moment.services.iter_mut().find(|own| own.name == "payment");
    payment.expect("a service").stores[0].server = server;
    moment
}

/// The map is drawn where a person works, with fewer columns where four do not fit.
#[tokio::test]
async fn the_map_is_drawn_at_every_desk() {
    let Some(browser) = Browser::installed() else {
        return;
    };
    let own = server::start(false).await;
    own.source.change(|moment| *moment = four());
    let address = format!("http://127.0.0.1:{}", own.port);
    let driven = tokio::task::spawn_blocking(move || {
        let folder = tempfile::tempdir().expect("a folder");
        let mut driver = Driver::start(&browser, folder.path());
        for (width, class) in [(1200, "cols3-of-4"), (1280, "cols3-of-4"), (1440, "cols4")] {
            driver.show((width, 900), false);
            driver.open(&address);
            driver.until(&format!("JSON.stringify([...document.querySelectorAll('.drawing')].filter((own) => own.checkVisibility()).map((own) => own.classList[1])) === '[\"{class}\"]'"));
        }
    });
    driven.await.expect("the script");
}

/// Every fault is planted once, and seen.
#[test]
fn faults_of_a_page_are_seen() {
    let Some(browser) = Browser::installed() else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let page = alone("/services/orders", &bookvault(), false);
    let with = |css: &str, more: &str| {
        page.replacen("</style>", &format!("{css}</style>"), 1)
            .replacen("</main>", &format!("{more}</main>"), 1)
    };
    let planted = [
        ("sideways", with("main{width:1500px !important}", "")),
        (
            "overlaps",
            with(".facts{margin-bottom:-60px !important}", ""),
        ),
        ("small", with(".rows td{font-size:9px !important}", "")),
        (
            "requests",
            with("", "<img src=\"http://127.0.0.1:9/x.png\" alt=\"\">"),
        ),
        (
            "hidden",
            with(
                ".facts .value{max-width:20px;overflow:hidden;white-space:nowrap;flex-wrap:nowrap !important}",
                "",
            ),
        ),
    ];
    let pages: Vec<(String, String)> = planted
        .iter()
        .map(|(name, page)| ((*name).to_owned(), page.clone()))
        .collect();
    for one in SHEET.measure(&browser, folder.path(), &pages) {
        let seen = !one.places(&one.page).is_empty();
        assert!(seen, "{} at {}", one.page, one.width);
    }
}

/// The served page, with the served policy: the script runs and the stream is heard.
#[tokio::test]
async fn the_script_runs_under_the_policy() {
    let Some(browser) = Browser::installed() else {
        return;
    };
    let own = server::start(false).await;
    let folder = tempfile::tempdir().expect("a folder");
    let address = format!("http://127.0.0.1:{}/logs", own.port);
    let path = folder.path().to_owned();
    let dom = tokio::task::spawn_blocking(move || {
        browser.run(&path, &["--timeout=4000", "--dump-dom"], &address)
    });
    let dom = dom.await.expect("it ran");
    assert!(dom.contains("captured, provider ref"), "{dom}");
    // The script takes `hidden` from the button for pausing when it has opened the stream.
    let button = dom
        .split("data-pause")
        .nth(1)
        .and_then(|own| own.split('>').next());
    assert!(
        button.is_some_and(|own| !own.contains("hidden")),
        "{button:?}"
    );
}
