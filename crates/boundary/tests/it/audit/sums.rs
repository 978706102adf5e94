//! Every figure that is shown beside its parts is their sum.

use freehold_boundary::audit::report::{Report, ToldBy, Verdict, Way};

use super::bookvault;

#[test]
fn the_crossings_add_up() {
    let report = bookvault();
    let matrix = report.matrix();
    assert_eq!(report.crossings.len(), 28);
    assert_eq!((matrix.total.statements, matrix.total.writes), (28, 7));
    let calls: f64 = report.crossings.iter().map(|own| own.calls_a_day).sum();
    assert_eq!(
        (calls.round(), matrix.total.shown_seconds),
        (44_684_516.0, 44_382)
    );
    let out: Vec<(usize, u64, u64)> = matrix
        .out
        .iter()
        .map(|own| (own.statements, own.shown, own.shown_seconds))
        .collect();
    assert_eq!(
        out,
        [
            (4, 104, 1633),
            (3, 278, 7978),
            (14, 3312, 27_686),
            (7, 774, 7085)
        ]
    );
    let into: Vec<(usize, u64)> = matrix
        .into
        .iter()
        .map(|own| (own.statements, own.shown))
        .collect();
    assert_eq!(into, [(8, 1104), (7, 2107), (9, 615), (4, 642)]);
    for y in 0..4 {
        let row: u64 = matrix.cells[y].iter().map(|own| own.shown).sum();
        assert_eq!(row, matrix.out[y].shown);
        let column: u64 = matrix.cells.iter().map(|row| row[y].shown).sum();
        assert_eq!(column, matrix.into[y].shown);
        assert_eq!(matrix.cells[y][y].statements, 0);
    }
}

#[test]
fn the_programs_of_statements_are_all_told() {
    let report = bookvault();
    let told = |by| {
        report
            .crossings
            .iter()
            .filter(|own| own.told_by == by)
            .count()
    };
    assert_eq!(
        (
            told(ToldBy::Login),
            told(ToldBy::Comment),
            told(ToldBy::Session)
        ),
        (10, 11, 7)
    );
    for own in &report.crossings {
        let program = report
            .programs
            .iter()
            .find(|program| program.name == own.program);
        assert_eq!(
            program.and_then(|own| own.context.as_deref()),
            Some(own.from.as_str())
        );
        let touch = program
            .and_then(|program| {
                program
                    .touches
                    .iter()
                    .find(|touch| touch.context.as_deref() == Some(&own.to))
            })
            .expect("a touch");
        assert!(
            if own.writes {
                touch.writes
            } else {
                touch.reads
            },
            "{own:?}"
        );
        assert!(!own.foreign.is_empty(), "{own:?}");
    }
}

#[test]
fn tables_logins_and_sessions_add_up() {
    let report = bookvault();
    let tables: usize = report.contexts.iter().map(|own| own.tables.len()).sum();
    assert_eq!(tables + report.orphans.len(), report.subject.tables);
    let all = report.subject.tables;
    let writing = report.logins.iter().filter(|own| own.writes == all).count();
    let reading = report
        .logins
        .iter()
        .filter(|own| own.reads == all && own.writes < all)
        .count();
    let less = report.logins.iter().filter(|own| own.reads < all).count();
    assert_eq!((writing, reading, less), (8, 4, 11));
    let idle = report
        .logins
        .iter()
        .filter(|own| own.used == Some(false))
        .count();
    assert_eq!(idle, 7);
    let sessions: usize = report.programs.iter().map(|own| own.sessions).sum();
    let by_login: usize = report.logins.iter().map(|own| own.sessions).sum();
    assert_eq!((sessions, by_login), (208, 208));
    let sizes = report.sizes();
    assert_eq!(sizes.contexts, ["4.6", "2.1", "38.2", "16.9"]);
    assert_eq!(
        (sizes.orphans.as_str(), sizes.total.as_str()),
        ("7.5", "69.3")
    );
}

#[test]
fn the_order_takes_everything_away_once() {
    let report = bookvault();
    let stages = report.stages();
    let counts: Vec<(usize, usize, usize)> = stages
        .iter()
        .map(|own| (own.statements, own.writes, own.keys))
        .collect();
    assert_eq!(counts, [(10, 2, 4), (10, 2, 6), (8, 3, 4), (0, 0, 0)]);
    let shown: Vec<(u64, u64)> = stages
        .iter()
        .map(|own| (own.shown_ended, own.shown_left))
        .collect();
    assert_eq!(shown, [(2385, 2083), (999, 1084), (1084, 0), (0, 0)]);
    let ways = |n: usize| stages[n].ways.clone();
    assert_eq!(
        ways(0),
        [
            (Way::Copy, 5),
            (Way::ReadModel, 2),
            (Way::SagaStep, 2),
            (Way::AskTheOwner, 1)
        ]
    );
    assert_eq!(
        ways(1),
        [
            (Way::AskTheOwner, 4),
            (Way::ReadModel, 2),
            (Way::SagaStep, 2),
            (Way::Copy, 1),
            (Way::Snapshot, 1)
        ]
    );
    assert_eq!(
        ways(2),
        [
            (Way::Event, 3),
            (Way::Copy, 2),
            (Way::AskTheOwner, 2),
            (Way::SagaStep, 1)
        ]
    );
    let easiest = freehold_boundary::audit::report::easiest(
        &report.contexts,
        &report.crossings,
        &report.keys,
    );
    let told: Vec<String> = report.order.iter().map(|own| own.context.clone()).collect();
    assert_eq!(easiest, told);
}

#[test]
fn the_history_ends_with_today() {
    let report = bookvault();
    let first = report.history[0].statements;
    let new: usize = report.history.iter().map(|own| own.new).sum();
    let mended: usize = report.history.iter().map(|own| own.mended).sum();
    assert_eq!(first + new - mended, report.crossings.len());
    for pair in report.history.windows(2) {
        assert_eq!(
            pair[0].statements + pair[1].new - pair[1].mended,
            pair[1].statements
        );
    }
}

#[test]
fn the_sentence_says_the_worst_first() {
    let report = bookvault();
    assert_eq!(report.verdict(), Verdict::Open);
    assert_eq!(
        report.headline(),
        "Nothing keeps the four contexts apart: 28 statements cross from one into another 44.7 million times a day, and 12 of 23 logins can read every table."
    );
    assert_eq!(
        report.cost().join(" "),
        "A third of the database’s working time goes to statements of one context on tables of another. The ten worst make up 76 % of that. No row of any table was read, and nothing was written."
    );
    let figures: Vec<String> = report
        .figures()
        .iter()
        .map(|own| {
            format!(
                "{} {} | {}",
                own.value.as_deref().unwrap_or("?"),
                own.of,
                own.detail
            )
        })
        .collect();
    assert_eq!(
        figures,
        [
            "44.7 M a day | 28 statements, 27 % of 168 M",
            "12.3 h a day | 34 % of 36.4 h",
            "7 of 28 | 15.91 M calls a day",
            "12 of 23 | 8 of them write all",
            "14  | 4 delete on the other side",
            "4 of 41 | 7.5 of 69.3 GB",
        ]
    );
    let steps: Vec<String> = report
        .first_steps()
        .iter()
        .map(|own| format!("{} {} {}", own.title, own.ends, own.see))
        .collect();
    assert_eq!(
        steps,
        [
            "Give each service its own login. `bookvault` serves three and owns everything. Closes the widest way in: 144 of 208 sessions. 4",
            "Keep a copy of books in orders. `book_cache` ends the first and third of the ten: 2.5 h a day. 3",
            "Take catalog off first. Ends 10 of 28 statements and 53 % of the crossing calls. 9",
        ]
    );
}

#[test]
fn what_is_written_is_read_back() {
    let report = bookvault();
    let text = report.to_json();
    assert!(Report::parse(&text).expect("our own") == report);
    let newer = text.replacen("\"version\": 1", "\"version\": 2", 1);
    assert_eq!(
        Report::parse(&newer).expect_err("a newer one").code,
        "FH2209"
    );
    assert_eq!(Report::parse("{}").expect_err("none").code, "FH2209");
}
