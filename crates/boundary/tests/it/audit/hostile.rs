//! Names that others chose: nothing of them becomes markup, steers a terminal or breaks a page.

use freehold_boundary::audit::report::{Finding, Report, Terminal, html, terminal};

use super::bookvault;

const NAME: &str = "x<img src=a onerror=b>\"'&\u{1b}[31m\u{7}\u{202e}`";

fn hostile() -> Report {
    let mut report = bookvault();
    NAME.clone_into(&mut report.subject.database);
    NAME.clone_into(&mut report.logins[0].name);
    NAME.clone_into(&mut report.programs[0].name);
    NAME.clone_into(&mut report.orphans[0].table);
    NAME.clone_into(&mut report.keys[0].table);
    NAME.clone_into(&mut report.ties[0].name);
    NAME.clone_into(&mut report.contexts[1].tables[0]);
    NAME.clone_into(&mut report.crossings[0].tables[0]);
    report.crossings[0].about = Some(NAME.to_owned());
    NAME.clone_into(&mut report.crossings[1].program);
    report.findings.push(Finding {
        code: "FH2301".to_owned(),
        message: NAME.to_owned(),
        repair: NAME.to_owned(),
    });
    report
}

#[test]
fn names_become_no_markup() {
    let page = html(&hostile());
    assert!(page.contains("&lt;img src=a"), "they are shown");
    assert!(!page.contains("<img"), "and are only text");
    assert!(!page.contains("\"'&\u{1b}"), "quotes and ampersands too");
}

#[test]
fn names_do_not_steer_the_terminal() {
    let shown = Terminal {
        width: 100,
        page: None,
    };
    let text = terminal(&hostile(), shown, &|_, text| text.to_owned());
    let steering: Vec<char> = text
        .chars()
        .filter(|c| c.is_control() && *c != '\n')
        .collect();
    assert_eq!(steering, []);
    assert!(text.contains("x<img"), "they are shown");
}

/// Thousands of everything: a page is still a page.
#[test]
fn a_great_server_makes_a_small_page() {
    let mut report = bookvault();
    let one = report.crossings[3].clone();
    for at in 0..10_000 {
        let mut own = one.clone();
        own.fingerprint = at.to_string();
        report.crossings.push(own);
    }
    let login = report.logins[1].clone();
    for at in 0..2_000 {
        let mut own = login.clone();
        own.name = format!("login_{at}");
        own.closes = Some(format!("reason {at}"));
        report.logins.push(own);
    }
    for at in 0..5_000 {
        report.contexts[0].tables.push(format!("table_{at}"));
    }
    let page = html(&report);
    let data = page
        .find("base64,")
        .map_or(0, |at| page[at..].find('"').expect("an end"));
    assert!(
        page.len() - data < 1_000_000,
        "{} bytes without the data",
        page.len() - data
    );
    let shown = Terminal {
        width: 100,
        page: None,
    };
    let text = terminal(&report, shown, &|_, text| text.to_owned());
    assert!(text.lines().count() < 80, "{} lines", text.lines().count());
}
