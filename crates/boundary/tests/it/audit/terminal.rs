//! The report in a terminal, in each state and at both widths.

use freehold_boundary::audit::report::{Report, Terminal, terminal};
use freehold_boundary::report::Tone;

use super::{bookvault, states};

fn plain(report: &Report, width: usize) -> String {
    let shown = Terminal {
        width,
        page: Some("report.html"),
    };
    terminal(report, shown, &|_, text| text.to_owned())
}

#[test]
fn every_state_at_a_hundred_columns() {
    for (name, report) in states::states() {
        insta::assert_snapshot!(format!("wide_{name}"), plain(&report, 100));
    }
}

#[test]
fn every_state_at_eighty_columns() {
    for (name, report) in states::states() {
        insta::assert_snapshot!(format!("narrow_{name}"), plain(&report, 80));
    }
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for (name, report) in states::states() {
        for width in [72, 80, 99, 100, 140] {
            for line in plain(&report, width).lines() {
                assert!(line.chars().count() <= width, "{name} at {width}: {line}");
            }
        }
    }
}

/// Colour adds nothing: without it every character is the same.
#[test]
fn colour_says_nothing_that_the_text_does_not() {
    let report = bookvault();
    let marked = terminal(
        &report,
        Terminal {
            width: 100,
            page: Some("report.html"),
        },
        &|tone, text| match tone {
            Tone::Plain => text.to_owned(),
            _ => format!("\u{1}{text}\u{2}"),
        },
    );
    assert!(marked.contains('\u{1}'));
    assert_eq!(marked.replace(['\u{1}', '\u{2}'], ""), plain(&report, 100));
}
