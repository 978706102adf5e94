//! The pages in a real browser: nothing leaves, nothing scrolls sideways, no text lies on another,
//! none is cut; and the script runs under the policy that is served.
//!
//! Needs Chromium; without it, a loud skip on a laptop and a failure in CI. Pages are measured by a
//! script that only their copies for this test have.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::pages::{PAGES, alone};
use super::{bookvault, nothing, server};

const WIDTHS: [u32; 5] = [360, 390, 820, 1200, 1440];

const MEASURE: &str = include_str!("browser.js");

#[test]
fn pages_fit_every_width() {
    let Some(browser) = browser() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let mut pages: Vec<(String, String)> = Vec::new();
    for (name, moment) in [("", bookvault()), ("empty-", nothing())] {
        for (page, link) in PAGES {
            pages.push((format!("{name}{page}"), alone(link, &moment, false)));
        }
    }
    let all = measure(&browser, folder.path(), &pages);
    assert_eq!(all.len(), pages.len() * WIDTHS.len());
    let mut faults = String::new();
    for one in all {
        for fault in ["requests", "sideways", "overlaps", "small", "hidden"] {
            if one[fault] != Value::Array(Vec::new()) {
                let _ = writeln!(
                    faults,
                    "{} at {}: {fault}: {}",
                    one["page"], one["width"], one[fault]
                );
            }
        }
    }
    assert!(faults.is_empty(), "{faults}");
}

/// Every fault is planted once, and seen.
#[test]
fn faults_of_a_page_are_seen() {
    let Some(browser) = browser() else { return };
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
    for one in measure(&browser, folder.path(), &pages) {
        let fault = one["page"].as_str().expect("a name");
        assert!(
            !one[fault].as_array().expect("a list").is_empty(),
            "{fault} at {}",
            one["width"]
        );
    }
}

/// The served page, with the served policy: the script runs and the stream is heard.
#[tokio::test]
async fn the_script_runs_under_the_policy() {
    let Some(browser) = browser() else { return };
    let own = server::start(false).await;
    let folder = tempfile::tempdir().expect("a folder");
    let address = format!("http://127.0.0.1:{}/logs", own.port);
    let path = folder.path().to_owned();
    let dom = tokio::task::spawn_blocking(move || {
        run(&browser, &path, &["--timeout=4000", "--dump-dom"], &address)
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

/// Measures each page at each width, all in one run of the browser.
fn measure(browser: &Path, folder: &Path, pages: &[(String, String)]) -> Vec<Value> {
    let mut frames = String::new();
    for (name, page) in pages {
        let script = format!("<script>const PAGE = \"{name}\";\n{MEASURE}</script></body>");
        fs::write(
            folder.join(format!("{name}.html")),
            page.replacen("</body>", &script, 1),
        )
        .expect("a page");
        for width in WIDTHS {
            let _ = write!(
                frames,
                "<iframe src=\"{name}.html\" style=\"width:{width}px;height:900px;border:0;display:block\"></iframe>"
            );
        }
    }
    let wrapper = format!(
        "<!DOCTYPE html><body><script>addEventListener('message', own => {{ const line = document.createElement('pre'); line.className = 'measured'; line.textContent = own.data; document.body.append(line); }});</script>{frames}</body>"
    );
    fs::write(folder.join("wrapper.html"), wrapper).expect("a page");
    let file = folder.join("wrapper.html").display().to_string();
    let dom = run(
        browser,
        folder,
        &[
            "--window-size=1500,1000",
            "--virtual-time-budget=300000",
            "--dump-dom",
        ],
        &file,
    );
    dom.split("<pre class=\"measured\">")
        .skip(1)
        .filter_map(|part| part.split_once("</pre>"))
        .map(|(text, _)| {
            let text = text
                .replace("&lt;", "<")
                .replace("&gt;", ">")
                .replace("&amp;", "&");
            serde_json::from_str(&text).expect("a measurement")
        })
        .collect()
}

fn run(browser: &Path, folder: &Path, arguments: &[&str], page: &str) -> String {
    let output = Command::new(browser)
        .args([
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
        ])
        .args([
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ])
        .arg(format!(
            "--user-data-dir={}",
            folder.join("profile").display()
        ))
        .args(arguments)
        .arg(page)
        .stderr(Stdio::null())
        .output()
        .expect("the browser runs");
    assert!(output.status.success(), "{:?}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Chromium, wherever it is on the path.
#[expect(clippy::print_stderr, reason = "a skip has to be seen")]
fn browser() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .flat_map(|folder| {
            ["chromium", "chromium-browser", "google-chrome"].map(|name| folder.join(name))
        })
        .find(|file| file.is_file());
    if found.is_none() {
        assert!(
            std::env::var_os("CI").is_none(),
            "Chromium is not installed"
        );
        eprintln!("SKIPPED: Chromium is not installed (Debian's package of that name)");
    }
    found
}
