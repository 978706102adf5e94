//! A line for each of the other sections, and what to run next.

use freehold_look::number::count;
use freehold_look::spans;

use super::line::{Line, cut, wrapped};
use crate::audit::report::date::Moment;
use crate::audit::report::{OnDelete, Report};
use crate::report::Tone;

/// Where the texts begin.
const TEXT: usize = 18;

pub(super) fn rest(report: &Report, width: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut add = |name: &str, text: &str, more: &str| lines.extend(row(name, text, more, width));
    if !report.orphans.is_empty() {
        let sizes = report.sizes();
        let names: Vec<&str> = report
            .orphans
            .iter()
            .take(6)
            .map(|own| own.table.as_str())
            .collect();
        let more = report.orphans.len() - names.len();
        let more = if more > 0 {
            format!("  and {more} more")
        } else {
            String::new()
        };
        let size = format!(
            "{} of {} tables, {} {}",
            report.orphans.len(),
            report.subject.tables,
            sizes.orphans,
            sizes.unit
        );
        add("Nobody owns", &format!("{}{more}", names.join("  ")), &size);
    }
    if report.contexts.len() > 1 {
        add("Ties", &ties(report), "");
        order(report, &mut add);
    }
    month(report, &mut add);
    unseen(report, &mut add);
    lines
}

fn ties(report: &Report) -> String {
    let cascading = report
        .keys
        .iter()
        .filter(|own| own.on_delete == OnDelete::Cascade)
        .count();
    let keys = match report.keys.len() {
        0 => "no foreign key across".to_owned(),
        n => format!("{} across", count(n, "foreign key", "foreign keys")),
    };
    let delete = match cascading {
        0 => String::new(),
        1 => ", 1 deletes on the other side".to_owned(),
        n => format!(", {n} delete on the other side"),
    };
    let others = match report.ties.len() {
        0 => String::new(),
        n => format!("; {}", count(n, "other tie", "other ties")),
    };
    format!("{keys}{delete}{others}")
}

fn order(report: &Report, add: &mut impl FnMut(&str, &str, &str)) {
    let stages = report.stages();
    if stages.is_empty() || report.crossings.is_empty() {
        return;
    }
    let steps: Vec<String> = stages
        .iter()
        .map(|own| match own.statements {
            0 => own.context.clone(),
            n => format!("{} -{n}", own.context),
        })
        .collect();
    add(
        "Easiest order",
        &steps.join(" → "),
        "statements gone at each step",
    );
}

fn month(report: &Report, add: &mut impl FnMut(&str, &str, &str)) {
    let (Some(first), Some(last), true) = (
        report.history.first(),
        report.history.last(),
        report.history.len() > 1,
    ) else {
        return;
    };
    let new: usize = report.history.iter().skip(1).map(|own| own.new).sum();
    let mended: usize = report.history.iter().skip(1).map(|own| own.mended).sum();
    add(
        "Month",
        &format!("{} → {} statements", first.statements, last.statements),
        &format!(
            "{new} new, {mended} mended, {} since {}",
            count(report.history.len(), "audit", "audits"),
            Moment::new(&first.at).day()
        ),
    );
}

fn unseen(report: &Report, add: &mut impl FnMut(&str, &str, &str)) {
    let Some(first) = report.unseen.first() else {
        return;
    };
    let mut what = spans::plain(&first.what);
    if let Some(letter) = what.get_mut(..1) {
        letter.make_ascii_lowercase();
    }
    let more = match report.unseen.len() - 1 {
        0 => ", with the right for it".to_owned(),
        n => format!(" and {n} more, each with the right for it"),
    };
    add(
        "Not seen",
        &count(report.unseen.len(), "thing", "things"),
        &format!("{what}{more}"),
    );
}

/// A name, a text, and what stands behind it in grey; on lines of its own where it does not fit.
fn row(name: &str, text: &str, more: &str, width: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    for (at, text) in wrapped(text, width - TEXT, Tone::Plain)
        .into_iter()
        .enumerate()
    {
        let start = if at == 0 {
            Line::new().strong(name)
        } else {
            Line::new()
        };
        lines.push(start.to(TEXT).then(text));
    }
    if more.is_empty() {
        return lines;
    }
    match lines.pop() {
        Some(last) if last.width() + 3 + more.chars().count() <= width => {
            lines.push(last.plain("   ").dim(more));
        }
        last => {
            lines.extend(last);
            for text in wrapped(more, width - TEXT, Tone::Dim) {
                lines.push(Line::new().to(TEXT).then(text));
            }
        }
    }
    lines
}

/// What to run next.
pub(super) fn next(report: &Report, page: Option<&str>, width: usize) -> Vec<Line> {
    let now = report.now();
    let mut rows: Vec<(&str, String)> = vec![(now.command, said(now.command, report))];
    let code = "freehold check --with-audit audit.json";
    if report.contexts.len() > 1 && now.command != code && !report.crossings.is_empty() {
        rows.push((code, said(code, report)));
    }
    match page {
        Some(page) => rows.push((
            page,
            "all of it in one file: works offline, prints on A4".to_owned(),
        )),
        None => rows.push((
            "freehold audit --html report.html",
            "all of it in one file: works offline, prints on A4".to_owned(),
        )),
    }
    let column = rows
        .iter()
        .map(|(command, _)| command.chars().count())
        .max()
        .unwrap_or(0)
        .max(38)
        + 4;
    let mut lines = vec![Line::new().strong("Next")];
    for (command, why) in rows {
        let line = Line::new().plain(command);
        if column + why.chars().count() <= width {
            lines.push(line.to(column).dim(&why));
        } else {
            lines.push(line);
            lines.push(Line::new().to(4).dim(&cut(&why, width - 4)));
        }
    }
    lines
}

fn said(command: &str, report: &Report) -> String {
    if command.contains("--write-boundaries") {
        match report.contexts.len() {
            0 | 1 => "write down what belongs together".to_owned(),
            _ => format!(
                "save the {} contexts as proposed, correct them",
                report.contexts_word()
            ),
        }
    } else if command.contains("--watch") {
        "hear of the first crossing".to_owned()
    } else {
        "each crossing with its place in code".to_owned()
    }
}
