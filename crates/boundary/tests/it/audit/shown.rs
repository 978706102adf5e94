//! Figures add up as they are shown: read back from the terminal's text and from the page, for the
//! pictures' numbers and for numbers that do not round well.

use freehold_boundary::audit::report::{Report, Terminal, html, terminal};

use super::bookvault;

/// The same audit with calls that would not add up if each were rounded alone.
fn awkward() -> Report {
    let mut report = bookvault();
    for own in &mut report.crossings {
        // Of a hundredth of a million: alone nothing, five of them in one cell one.
        own.calls_a_day = (own.calls_a_day / 1e4).floor() * 1e4 + 1_600.0;
    }
    report
}

fn text(report: &Report) -> String {
    let shown = Terminal {
        width: 100,
        page: None,
    };
    terminal(report, shown, &|_, text| text.to_owned())
}

/// Statements, writes, hundredths of a million calls.
type Counts = [u64; 3];

/// The matrix's rows from the text: cells, then what is at their end.
fn rows(text: &str) -> Vec<(Vec<Counts>, u64)> {
    let lines = text
        .lines()
        .skip_while(|line| !line.starts_with("Who crosses"));
    lines
        .skip(2)
        .take(5)
        .map(|line| {
            let chars: Vec<char> = line.chars().collect();
            let part = |from: usize, to: usize| -> String {
                chars[from..to.min(chars.len())].iter().collect()
            };
            let cells = (0..5)
                .map(|at| counts(&part(12 + at * 15, 27 + at * 15)))
                .collect();
            (cells, number(&part(87, 100)))
        })
        .collect()
}

fn counts(cell: &str) -> Counts {
    let words: Vec<&str> = cell.split_whitespace().collect();
    match words[..] {
        [statements, writes, calls] => [number(statements), number(writes), number(calls)],
        [statements, calls] => [number(statements), 0, number(calls)],
        _ => [0, 0, 0],
    }
}

/// The digits of a number, without its point, comma or letter.
fn number(text: &str) -> u64 {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    digits
        .parse()
        .unwrap_or_else(|_| panic!("no number: {text:?}"))
}

fn sum(cells: impl Iterator<Item = Counts>) -> Counts {
    cells.fold([0, 0, 0], |all, own| {
        [all[0] + own[0], all[1] + own[1], all[2] + own[2]]
    })
}

#[test]
fn the_matrix_adds_up_as_shown() {
    for report in [bookvault(), awkward()] {
        let text = text(&report);
        let rows = rows(&text);
        for (cells, _) in &rows {
            assert_eq!(sum(cells[..4].iter().copied()), cells[4], "{text}");
        }
        for column in 0..5 {
            let above = sum(rows[..4].iter().map(|(cells, _)| cells[column]));
            assert_eq!(above, rows[4].0[column], "{text}");
        }
        let seconds: u64 = rows[..4].iter().map(|(_, own)| own).sum();
        assert_eq!(seconds, rows[4].1, "{text}");
    }
    // Rounded each by itself, these would not.
    let alone = |own: f64| (own / 1e4).round();
    let cells: f64 = awkward()
        .matrix()
        .cells
        .iter()
        .flatten()
        .map(|own| alone(own.calls_a_day))
        .sum();
    let total = alone(awkward().matrix().total.calls_a_day);
    assert!((cells - total).abs() > 0.5, "an awkward report is needed");
}

/// The words of a part of the page, without its marks.
fn words(page: &str, from: &str, to: &str) -> Vec<String> {
    let start = page.find(from).unwrap_or_else(|| panic!("no {from}"));
    let part = &page[start..start + page[start..].find(to).expect("an end")];
    let mut out = String::new();
    let mut inside = false;
    for c in part.chars() {
        match c {
            '<' => {
                inside = true;
                out.push(' ');
            }
            '>' => inside = false,
            c if !inside => out.push(c),
            _ => {}
        }
    }
    out.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn the_ten_and_the_others_are_all() {
    for report in [bookvault(), awkward()] {
        let page = html(&report);
        let ten = page.find("<table class=\"ten\"").expect("the ten");
        let seconds: Vec<u64> = page[ten..]
            .split("<td class=\"total\"><b>")
            .skip(1)
            .take(13)
            .map(|own| number(own.split_once('<').expect("an end").0))
            .collect();
        assert_eq!(seconds[..10].iter().sum::<u64>(), seconds[10]);
        assert_eq!(seconds[10] + seconds[11], seconds[12]);
        let foot = words(&page[ten..], "<tfoot>", "</tfoot>");
        let after = |word: &str, n: usize| {
            let at = foot.iter().rposition(|own| own == word).expect("a row");
            foot[at..]
                .iter()
                .filter(|own| own.contains(','))
                .nth(n)
                .map(|own| number(own))
                .expect("a number")
        };
        assert_eq!(after("these", 0) + after("others", 0), after("all", 0));
    }
}

#[test]
fn the_steps_take_everything_away_as_shown() {
    for report in [bookvault(), awkward()] {
        let page = html(&report);
        let stages = report.stages();
        let mut left = report.matrix().total.shown;
        for stage in &stages {
            left -= stage.shown_ended;
            assert_eq!(stage.shown_left, left);
            let scale = report.scale();
            assert!(page.contains(&format!(
                "{} left",
                if left == 0 {
                    "0".to_owned()
                } else {
                    scale.show(left)
                }
            )));
            if stage.shown_ended > 0 {
                assert!(page.contains(&format!("−{} calls a day", scale.show(stage.shown_ended))));
            }
        }
        assert_eq!(left, 0);
        assert!(page.contains("10 + 10 + 8 = 28 statements, 4 + 6 + 4 = 14 keys"));
    }
}

#[test]
fn sizes_add_up_as_shown() {
    let mut report = bookvault();
    for (at, own) in report.contexts.iter_mut().enumerate() {
        own.bytes += 44_000_000 + u64::try_from(at).expect("few") * 1_000_000;
    }
    let sizes = report.sizes();
    let parts: u64 = sizes.contexts.iter().map(|own| number(own)).sum();
    assert_eq!(parts + number(&sizes.orphans), number(&sizes.total));
}
