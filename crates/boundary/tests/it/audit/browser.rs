//! The page in a real browser: nothing leaves, nothing scrolls sideways, no text lies on another.
//!
//! Needs Chromium; without it, a loud skip on a laptop and a failure in CI. The page is measured by
//! a script that only its copy for this test has, at the widths of a phone, a tablet and a screen.

use std::fs;

use freehold_boundary::audit::report::html;
use freehold_browser::{Browser, Sheet};
use serde_json::Value;

use super::states::states;

const SHEET: Sheet<'_> = Sheet {
    widths: &[360, 390, 820, 1200],
    own: include_str!("browser.js"),
};

#[test]
fn pages_fit_every_width() {
    let Some(browser) = Browser::installed() else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let pages: Vec<(String, String)> = states()
        .iter()
        .map(|(name, report)| ((*name).to_owned(), html(report)))
        .collect();
    for one in SHEET.measure(&browser, folder.path(), &pages) {
        let at = format!("{} at {}", one.page, one.width);
        assert_eq!(one.faults(), "", "{at}");
        let sections = one.told["sections"].as_array().expect("a list").len();
        let expected = match one.page.as_str() {
            "whole" | "few-rights" | "cut-short" | "seven-contexts" | "many-contexts" => 11,
            "one-context" => 5,
            _ => 10,
        };
        assert_eq!(sections, expected, "{at}");
        let folds = match one.page.as_str() {
            _ if one.width >= 860 => 0,
            // What could change the verdict is not folded away; one context has no ties.
            "few-rights" | "one-context" => 3,
            _ => 4,
        };
        assert_eq!(one.told["folded"], Value::from(folds), "{at}");
    }
}

/// Every fault is planted once, and seen.
#[test]
fn faults_of_a_page_are_seen() {
    let Some(browser) = Browser::installed() else {
        return;
    };
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
    for one in SHEET.measure(&browser, folder.path(), &pages) {
        let (fault, wide) = (one.page.as_str(), one.width > 1000);
        // A cell cut short is a block on a phone.
        if fault != "hidden" || wide {
            assert!(!one.places(fault).is_empty(), "{fault} at {}", one.width);
        }
    }
}

/// On paper: A4, page one ends after the picture, and nothing is longer than about six pages.
#[test]
fn paper_is_six_pages() {
    let Some(browser) = Browser::installed() else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("page.html"), html(&super::bookvault())).expect("a page");
    let file = folder.path().join("page.pdf");
    let print = format!("--print-to-pdf={}", file.display());
    let page = folder.path().join("page.html").display().to_string();
    browser.run(folder.path(), &["--no-pdf-header-footer", &print], &page);
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
