//! The page in a real browser: nothing leaves, nothing scrolls sideways, no text lies on another.
//!
//! Needs Chromium; without it, a loud skip on a laptop and a failure in CI. The page is measured by
//! a script that only its copy for this test has, at the widths of a phone, a tablet and a screen.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use freehold_boundary::audit::report::html;
use serde_json::Value;

use super::states::states;

const WIDTHS: [u32; 4] = [360, 390, 820, 1200];

/// What one page looks like at one width.
const MEASURE: &str = include_str!("browser.js");

#[test]
fn pages_fit_every_width() {
    let Some(browser) = browser() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let pages: Vec<(String, String)> = states()
        .iter()
        .map(|(name, report)| ((*name).to_owned(), html(report)))
        .collect();
    let all = measure(&browser, folder.path(), &pages);
    assert_eq!(all.len(), pages.len() * WIDTHS.len());
    for one in all {
        let at = format!("{} at {}", one["page"], one["width"]);
        for fault in ["requests", "sideways", "overlaps", "small", "hidden"] {
            assert_eq!(one[fault], Value::Array(Vec::new()), "{at}: {fault}");
        }
        let sections = one["sections"].as_array().expect("a list").len();
        let expected = match one["page"].as_str() {
            Some("whole" | "few-rights" | "cut-short" | "seven-contexts" | "many-contexts") => 11,
            Some("one-context") => 5,
            _ => 10,
        };
        assert_eq!(sections, expected, "{at}");
        let phone = one["width"].as_u64() < Some(860);
        let folds = match one["page"].as_str() {
            // What could change the verdict is not folded away; one context has no ties.
            Some("few-rights" | "one-context") => 3,
            _ => 4,
        };
        assert_eq!(one["folded"], if phone { folds } else { 0 }, "{at}");
    }
}

/// Every fault is planted once, and seen.
#[test]
fn faults_of_a_page_are_seen() {
    let Some(browser) = browser() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let page = html(&super::bookvault());
    let with = |css: &str, more: &str| {
        page.replacen("</style>", &format!("{css}</style>"), 1)
            .replacen("</main>", &format!("{more}</main>"), 1)
    };
    let planted = [
        (
            "sideways",
            with("main{width:1300px !important;max-width:none}", ""),
        ),
        ("overlaps", with(".begin ol{margin-top:-36px}", "")),
        ("small", with(".note{font-size:9px !important}", "")),
        (
            "requests",
            with("", "<img src=\"http://127.0.0.1:9/x.png\" alt=\"\">"),
        ),
        (
            "hidden",
            with(
                ".body>table:not(.matrix) td{max-width:30px;overflow:hidden;white-space:nowrap}",
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
        let found = one[fault].as_array().expect("a list");
        // A cell cut short is a block on a phone.
        if fault != "hidden" || one["width"].as_u64() > Some(1000) {
            assert!(!found.is_empty(), "{fault} at {}", one["width"]);
        }
    }
}

/// On paper: A4, page one ends after the picture, and nothing is longer than about six pages.
#[test]
fn paper_is_six_pages() {
    let Some(browser) = browser() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("page.html"), html(&super::bookvault())).expect("a page");
    let file = folder.path().join("page.pdf");
    let print = format!("--print-to-pdf={}", file.display());
    run(
        &browser,
        folder.path(),
        &["--no-pdf-header-footer", &print],
        "page.html",
    );
    let pdf = fs::read(&file).expect("a document");
    let text = String::from_utf8_lossy(&pdf);
    let pages = text.matches("/Type /Page\n").count() + text.matches("/Type /Page ").count();
    assert!((5..=7).contains(&pages), "{pages} pages");
    // A4 in points.
    assert!(
        text.contains("/MediaBox [0 0 594.95996 841.91998]") || text.contains("/MediaBox [0 0 595"),
        "no A4"
    );
}

/// Measures each page at each width, all in one run of the browser.
fn measure(browser: &Path, folder: &Path, pages: &[(String, String)]) -> Vec<Value> {
    let mut frames = String::new();
    for (name, page) in pages {
        // Only the copy under test may run a script: the page itself forbids it.
        let policy = page
            .find("<meta http-equiv=\"Content-Security-Policy\"")
            .expect("a policy");
        let end = page[policy..].find('>').expect("an end") + policy + 1;
        let page = format!("{}{}", &page[..policy], &page[end..]);
        let script = format!("<script>const PAGE = \"{name}\";\n{MEASURE}</script></body>");
        fs::write(
            folder.join(format!("{name}.html")),
            page.replacen("</body>", &script, 1),
        )
        .expect("a page");
        for width in WIDTHS {
            let _ = write!(
                frames,
                "<iframe src=\"{name}.html\" style=\"width:{width}px;height:9000px;border:0;display:block\"></iframe>"
            );
        }
    }
    let wrapper = format!(
        "<!DOCTYPE html><body><script>addEventListener('message', own => {{ const line = document.createElement('pre'); line.className = 'measured'; line.textContent = own.data; document.body.append(line); }});</script>{frames}</body>"
    );
    fs::write(folder.join("wrapper.html"), wrapper).expect("a page");
    let dom = run(
        browser,
        folder,
        &[
            "--window-size=1300,1000",
            "--virtual-time-budget=300000",
            "--dump-dom",
        ],
        "wrapper.html",
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
    let profile = format!("--user-data-dir={}", folder.join("profile").display());
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
        .arg(profile)
        .args(arguments)
        .arg(folder.join(page))
        .stderr(Stdio::null())
        .output()
        .expect("the browser runs");
    assert!(output.status.success(), "{:?}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Chromium, wherever it is on the path.
#[expect(clippy::print_stderr, reason = "a skip has to be seen")]
fn browser() -> Option<std::path::PathBuf> {
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
