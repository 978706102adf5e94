//! Who crosses into whom, as wide as the terminal allows.

use freehold_look::number::{Scale, grouped};
use freehold_look::spans;

use super::line::{Line, cut, wrapped};
use crate::audit::report::{Cell, Matrix, Report, words};
use crate::report::Tone;

/// The column of seconds at the right end.
const SECONDS: usize = 13;
/// The narrowest cell that holds `14 5w 33.12`.
const NARROWEST: usize = 12;
/// Pairs shown where no table fits.
const MOST_PAIRS: usize = 12;

pub(super) fn matrix(report: &Report, width: usize) -> Vec<Line> {
    if !report.has_statistics() {
        return may(report, width);
    }
    let (matrix, scale) = (report.matrix(), report.scale());
    let unit = if scale.word.is_empty() {
        String::new()
    } else {
        format!("{} ", scale.word)
    };
    let title = Line::new()
        .strong("Who crosses into whom")
        .plain("   ")
        .dim(&cut(
            &format!("statements, and {unit}calls a day; w of them write"),
            width - 24,
        ));
    let mut lines = vec![title];
    let out = width >= 100;
    match cell_width(&matrix.contexts, width - SECONDS, usize::from(out)) {
        Some((first, cell)) => lines.extend(table(&matrix, scale, width, first, cell, out)),
        None => lines.extend(pairs(&matrix, scale, width)),
    }
    lines
}

/// How wide the names and the cells are, if they fit.
fn cell_width(names: &[String], width: usize, more: usize) -> Option<(usize, usize)> {
    let first = names
        .iter()
        .map(|own| own.chars().count())
        .max()
        .unwrap_or(0)
        .clamp(9, 20)
        + 3;
    let cell = (width.checked_sub(first)? / (names.len() + more)).min(15);
    (cell >= NARROWEST).then_some((first, cell))
}

fn table(
    matrix: &Matrix,
    scale: Scale,
    width: usize,
    first: usize,
    cell: usize,
    out: bool,
) -> Vec<Line> {
    let mut head = Line::new();
    let name = |own: &str| cut(own, cell - 1);
    for (at, own) in matrix.contexts.iter().enumerate() {
        let own = if at == 0 {
            cut(&format!("→ {own}"), cell)
        } else {
            name(own)
        };
        head = head.right(first + cell * (at + 1), Tone::Dim, &own);
    }
    if out {
        head = head.right(first + cell * (matrix.contexts.len() + 1), Tone::Dim, "out");
    }
    let mut lines = vec![head.right(width, Tone::Dim, "s a day")];
    let row = |start: Line, cells: &[Cell], own: Option<usize>, sum: Cell, tone: Tone| {
        let mut line = start;
        for (at, one) in cells.iter().enumerate() {
            line = value(line, *one, scale, first + cell * at, cell, own == Some(at));
        }
        if out {
            line = value(line, sum, scale, first + cell * cells.len(), cell, false);
        }
        line.right(width, tone, &grouped(sum.shown_seconds))
    };
    for (y, cells) in matrix.cells.iter().enumerate() {
        let start = Line::new().strong(&cut(&matrix.contexts[y], first - 1));
        lines.push(row(start, cells, Some(y), matrix.out[y], Tone::Plain));
    }
    lines.push(row(
        Line::new().dim("in"),
        &matrix.into,
        None,
        matrix.total,
        Tone::Strong,
    ));
    lines
}

/// `5 2w  6.06`, ending at the end of the cell.
fn value(line: Line, own: Cell, scale: Scale, start: usize, cell: usize, diagonal: bool) -> Line {
    let end = start + cell;
    if diagonal {
        return line.right(end, Tone::Dim, "·");
    }
    if own.statements == 0 {
        return line.right(end, Tone::Dim, "0");
    }
    let calls = scale.bare(own.shown);
    let statements = own.statements.to_string();
    let writes = if own.writes > 0 {
        format!(" {}w", own.writes)
    } else {
        String::new()
    };
    let group = end - calls.chars().count().max(cell.saturating_sub(9)) - 1;
    line.right(group - writes.chars().count(), Tone::Strong, &statements)
        .dim(&writes)
        .right(end, Tone::Plain, &calls)
}

/// The strongest pairs, for more contexts than columns.
fn pairs(matrix: &Matrix, scale: Scale, width: usize) -> Vec<Line> {
    let mut found: Vec<(usize, usize, Cell)> = Vec::new();
    for (y, row) in matrix.cells.iter().enumerate() {
        for (x, cell) in row.iter().enumerate().filter(|(_, own)| own.statements > 0) {
            found.push((y, x, *cell));
        }
    }
    found.sort_by(|a, b| b.2.seconds_a_day.total_cmp(&a.2.seconds_a_day));
    let rest = found.split_off(found.len().min(MOST_PAIRS));
    let sum = |line: Line, own: Cell| {
        value(line, own, scale, width - SECONDS - 15, 15, false).right(
            width,
            Tone::Plain,
            &grouped(own.shown_seconds),
        )
    };
    let room = width - SECONDS - 17;
    let mut lines = vec![
        Line::new()
            .dim("from → to")
            .right(width - SECONDS, Tone::Dim, "statements, calls")
            .right(width, Tone::Dim, "s a day"),
    ];
    for (from, to, own) in found {
        let pair = format!("{} → {}", matrix.contexts[from], matrix.contexts[to]);
        lines.push(sum(Line::new().strong(&cut(&pair, room)), own));
    }
    if !rest.is_empty() {
        let mut others = Cell::default();
        for (.., own) in &rest {
            others.statements += own.statements;
            others.writes += own.writes;
            others.shown += own.shown;
            others.shown_seconds += own.shown_seconds;
        }
        lines.push(sum(
            Line::new().dim(&format!("{} other pairs", rest.len())),
            others,
        ));
    }
    lines.push(sum(Line::new().dim("all"), matrix.total));
    lines
}

/// What may be reached and what is tied, where the server counts nothing.
fn may(report: &Report, width: usize) -> Vec<Line> {
    let names: Vec<String> = report.contexts.iter().map(|own| own.name.clone()).collect();
    let mut lines = vec![
        Line::new()
            .strong("Who may cross into whom")
            .plain("   ")
            .dim(&cut(
                "tables that may be read; w written, k keys",
                width - 26,
            )),
    ];
    if let Some((first, cell)) = cell_width(&names, width, 0) {
        let mut head = Line::new();
        for (at, own) in names.iter().enumerate() {
            let own = if at == 0 {
                format!("→ {own}")
            } else {
                own.clone()
            };
            head = head.right(first + cell * (at + 1), Tone::Dim, &cut(&own, cell));
        }
        lines.push(head);
        for from in &names {
            let mut line = Line::new().strong(&cut(from, first - 1));
            for (at, to) in names.iter().enumerate() {
                let end = first + cell * (at + 1);
                line = match cell_text(report, from, to) {
                    None => line.right(end, Tone::Dim, if from == to { "·" } else { "0" }),
                    Some(text) => line.right(end, Tone::Plain, &text),
                };
            }
            lines.push(line);
        }
    }
    if let Some(text) = words::state(&report.states.crossings) {
        lines.extend(wrapped(&spans::plain(&text), width, Tone::Plain));
    }
    lines
}

/// `9 9w 3k`.
fn cell_text(report: &Report, from: &str, to: &str) -> Option<String> {
    let reach = report
        .reach
        .iter()
        .find(|own| own.from == from && own.to == to);
    let keys = report
        .keys
        .iter()
        .filter(|own| own.from == from && own.to == to)
        .count();
    let (reads, writes) = reach.map_or((0, 0), |own| (own.reads, own.writes));
    if from == to || reads + writes + keys == 0 {
        return None;
    }
    let part = |n: usize, letter: &str| {
        if n > 0 {
            format!(" {n}{letter}")
        } else {
            String::new()
        }
    };
    Some(format!("{reads}{}{}", part(writes, "w"), part(keys, "k")))
}
