//! For the terminal: each finding with the line that it is about, then the matrix, then the sum.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::history::sparkline;
use super::{Paint, Tone, matrix};
use crate::baseline::{Compared, Day};
use crate::check::Checked;
use crate::finding::Finding;
use crate::ownership::Origin;

/// What is shown besides new findings.
#[derive(Debug, Clone, Copy, Default)]
pub struct Shown<'a> {
    /// Findings that the baseline knows, one by one.
    pub known: bool,
    /// Places that could not be read, one by one.
    pub unresolved: bool,
    /// Columns of the terminal.
    pub width: usize,
    /// How long the check took.
    pub elapsed: Option<Duration>,
    /// What the baseline remembers.
    pub history: &'a [Day],
}

/// The whole report. `source` gives the text of a file, for excerpts.
pub fn human(
    checked: &Checked,
    compared: Option<&Compared>,
    shown: Shown,
    paint: Paint,
    source: &dyn Fn(&Path) -> Option<String>,
) -> String {
    let mut out = String::new();
    proposal(&mut out, checked, paint);
    let mut texts: BTreeMap<&Path, Option<Vec<String>>> = BTreeMap::new();
    for finding in checked
        .findings
        .iter()
        .filter(|finding| shown.known || !finding.known)
    {
        let lines = texts.entry(&finding.file).or_insert_with(|| {
            source(&finding.file).map(|text| text.lines().map(str::to_owned).collect())
        });
        let line = lines
            .as_ref()
            .and_then(|lines| lines.get(finding.spot.line - 1));
        one(
            &mut out,
            checked,
            finding,
            line.map(String::as_str),
            shown.width,
            paint,
        );
    }
    lints(&mut out, checked, shown.width, paint);
    if shown.unresolved {
        for gap in &checked.unresolved {
            let place = format!(
                "{}:{}:{}",
                gap.file.display(),
                gap.spot.line,
                gap.spot.column
            );
            let _ = writeln!(
                out,
                "{} {place}: {}",
                paint(Tone::Warn, "unresolved:"),
                gap.why
            );
        }
        if !checked.unresolved.is_empty() {
            out.push('\n');
        }
    }
    if !checked.findings.is_empty() {
        out.push_str(&matrix(checked, paint));
        out.push('\n');
    }
    for line in sums(checked, compared, shown) {
        wrap(&mut out, &line, 0, shown.width);
    }
    out
}

/// Above this many hits of one rule the rest are only counted.
const HITS: usize = 5;

fn lints(out: &mut String, checked: &Checked, width: usize, paint: Paint) {
    for rule in crate::lints::RULES {
        let hits: Vec<_> = checked
            .lints
            .iter()
            .filter(|own| own.code == rule.code)
            .collect();
        if hits.is_empty() {
            continue;
        }
        let head = paint(Tone::Warn, &format!("warning[{}]", rule.code));
        let _ = writeln!(out, "{head}: {}", rule.name);
        for own in hits.iter().take(HITS) {
            let text = format!(
                "{}:{}:{}: {}",
                own.file.display(),
                own.spot.line,
                own.spot.column,
                own.message
            );
            out.push_str("  ");
            wrap_behind(out, &text, 2, 4, width);
        }
        if hits.len() > HITS {
            let _ = writeln!(out, "  and {} more", hits.len() - HITS);
        }
        let _ = write!(out, "  {} ", paint(Tone::Dim, "="));
        wrap_behind(out, &format!("way out: {}", rule.way_out), 4, 6, width);
        let _ = writeln!(
            out,
            "  {} more: freehold explain {}\n",
            paint(Tone::Dim, "="),
            rule.code
        );
    }
}

fn proposal(out: &mut String, checked: &Checked, paint: Paint) {
    let Origin::Proposal { why } = &checked.ownership.origin else {
        return;
    };
    let _ = writeln!(
        out,
        "{} nobody said who owns what, so this is held against contexts that look likely:",
        paint(Tone::Warn, "proposal:")
    );
    for reason in why {
        let _ = writeln!(out, "  {}", paint(Tone::Dim, reason));
    }
    for context in &checked.ownership.contexts {
        let mut tables = context.tables.clone();
        let more = tables.len().saturating_sub(6);
        tables.truncate(6);
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        let _ = writeln!(
            out,
            "  {}  {}{more}",
            paint(Tone::Strong, &context.name),
            tables.join(", ")
        );
    }
    out.push_str("  Keep and edit it: freehold check --write-boundaries\n\n");
}

fn one(
    out: &mut String,
    checked: &Checked,
    finding: &Finding,
    line: Option<&str>,
    width: usize,
    paint: Paint,
) {
    let spot = &finding.spot;
    let head = if finding.known { "known" } else { "error" };
    let tone = if finding.known { Tone::Dim } else { Tone::Bad };
    let _ = writeln!(
        out,
        "{}: {}",
        paint(tone, &format!("{head}[{}]", finding.code)),
        finding.message()
    );
    let gutter = " ".repeat(spot.line.to_string().len());
    let bar = |mark: &str| paint(Tone::Dim, mark);
    let _ = writeln!(
        out,
        "{gutter} {} {}:{}:{}",
        bar("┌─"),
        finding.file.display(),
        spot.line,
        spot.column
    );
    if let Some(line) = line {
        let (text, column) = window(
            line,
            spot.column,
            width.saturating_sub(gutter.len() + 4).max(40),
        );
        let length = spot
            .length
            .min(text.chars().count().saturating_sub(column - 1))
            .max(1);
        let _ = writeln!(out, "{gutter} {}", bar("│"));
        let _ = writeln!(
            out,
            "{} {} {}",
            paint(Tone::Dim, &spot.line.to_string()),
            bar("│"),
            text
        );
        let _ = writeln!(
            out,
            "{gutter} {} {}{} {}",
            bar("│"),
            " ".repeat(column - 1),
            paint(tone, &"^".repeat(length)),
            owned_by(checked, finding)
        );
    }
    let _ = writeln!(out, "{gutter} {}", bar("│"));
    let note = |out: &mut String, label: &str, text: &str| {
        let _ = write!(out, "{gutter} {} ", bar("="));
        let indent = gutter.len() + 3;
        wrap_behind(out, &format!("{label}: {text}"), indent, indent + 2, width);
    };
    let sure = match finding.confidence {
        "parsed" => String::new(),
        other => format!(" ({other})"),
    };
    note(out, "seen in", &format!("{}{sure}", finding.seen));
    if finding.assumed {
        note(
            out,
            "note",
            &format!(
                "this code belongs to no context; {} owns the statement's first table",
                finding.from
            ),
        );
    }
    for (i, statement) in finding.statements.iter().enumerate() {
        note(out, &format!("write {}", i + 1), statement);
    }
    note(out, "way out", finding.kind.way_out());
    note(out, "more", &format!("freehold explain {}", finding.code));
    out.push('\n');
}

fn owned_by(checked: &Checked, finding: &Finding) -> String {
    let team = checked
        .ownership
        .find(&finding.to)
        .and_then(|at| checked.ownership.contexts[at].team.clone());
    let object = if finding.spot.length == finding.object.chars().count() {
        String::new()
    } else {
        format!("{} is ", finding.object)
    };
    match team {
        Some(team) => format!("{object}owned by {} ({team})", finding.to),
        None => format!("{object}owned by {}", finding.to),
    }
}

/// Writes `text` in lines of at most `width` columns, broken between words.
fn wrap(out: &mut String, text: &str, indent: usize, width: usize) {
    wrap_behind(out, text, indent, indent, width);
}

/// The same where the line has `used` columns already; further lines begin at `indent`.
fn wrap_behind(out: &mut String, text: &str, used: usize, indent: usize, width: usize) {
    let mut column = used;
    let mut begun = true;
    for word in text.split(' ') {
        let length = word.chars().count();
        if !begun && width > 0 && column + 1 + length > width {
            out.push('\n');
            out.push_str(&" ".repeat(indent));
            column = indent;
        } else if !begun {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
        begun = false;
    }
    out.push('\n');
}

/// As much of a long line as fits, and the column within it. Tabs count as one column.
fn window(line: &str, column: usize, width: usize) -> (String, usize) {
    let chars: Vec<char> = line
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if chars.len() <= width {
        return (chars.into_iter().collect(), column.max(1));
    }
    let from = (column - 1)
        .saturating_sub(width / 3)
        .min(chars.len().saturating_sub(width));
    let mut text: Vec<char> = chars[from..(from + width).min(chars.len())].to_vec();
    if from > 0 {
        text[0] = '…';
    }
    if from + width < chars.len() {
        text[width - 1] = '…';
    }
    (text.into_iter().collect(), column - from)
}

fn sums(checked: &Checked, compared: Option<&Compared>, shown: Shown) -> Vec<String> {
    let count =
        |n: usize, what: &str| format!("{} {what}{}", grouped(n), if n == 1 { "" } else { "s" });
    let findings = match compared {
        Some(compared) => format!(
            "{} ({} new, {} in the baseline)",
            count(checked.findings.len(), "finding"),
            compared.new,
            compared.known
        ),
        None => count(checked.findings.len(), "finding"),
    };
    let unread = match checked.unresolved.len() {
        0 => String::new(),
        n => format!(
            ", {} could not be resolved (see --unresolved)",
            count(n, "place")
        ),
    };
    let time = shown
        .elapsed
        .map_or_else(String::new, |own| format!(" in {:.2} s", own.as_secs_f64()));
    let files = count(checked.counts.files, "file");
    let (found, read) = (format!("{findings}{unread}."), format!("{files}{time}."));
    let mut lines = if found.chars().count() + read.chars().count() < shown.width {
        vec![format!("{found} {read}")]
    } else {
        vec![found, read]
    };
    lines.extend(sparkline(shown.history));
    if !checked.allowed.is_empty() {
        lines.push(format!(
            "{} allowed, with reasons.",
            count(checked.allowed.len(), "crossing is").replace("crossing iss", "crossings are")
        ));
    }
    for allow in &checked.expired {
        lines.push(format!(
            "An allowed crossing ended on {} and counts again: {}",
            allow.until.as_deref().unwrap_or(""),
            allow.reason
        ));
    }
    if let Some(compared) = compared.filter(|compared| !compared.stale.is_empty()) {
        let gone: usize = compared.stale.iter().map(|own| own.count).sum();
        let (gone, is) = (count(gone, "finding"), if gone == 1 { "is" } else { "are" });
        lines.push(format!(
            "{gone} of the baseline {is} gone: take them out with --write-baseline."
        ));
    }
    if !checked.unowned.is_empty() {
        let mut names: Vec<&str> = checked.unowned.iter().map(String::as_str).collect();
        let more = names.len().saturating_sub(5);
        names.truncate(5);
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        lines.push(format!("Nobody owns: {}{more}.", names.join(", ")));
    }
    if !checked.skipped.is_empty() {
        let first: Vec<PathBuf> = checked
            .skipped
            .iter()
            .take(2)
            .map(|own| own.file.clone())
            .collect();
        let named: Vec<String> = first
            .iter()
            .zip(&checked.skipped)
            .map(|(file, own)| format!("{} ({})", file.display(), own.why))
            .collect();
        lines.push(format!(
            "{} not read: {}.",
            count(checked.skipped.len(), "file was").replace("file wass", "files were"),
            named.join(", ")
        ));
    }
    lines
}

/// `1204`: `1,204`.
fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_cut_around_the_place() {
        let line = format!("{}customers{}", "x".repeat(300), "y".repeat(300));
        let (text, column) = window(&line, 301, 60);
        assert_eq!(text.chars().count(), 60);
        assert_eq!(
            text.chars().skip(column - 1).take(9).collect::<String>(),
            "customers"
        );
        assert_eq!(window("a b", 3, 60), ("a b".to_owned(), 3));
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(1204), "1,204");
        assert_eq!(grouped(1_234_567), "1,234,567");
    }
}
