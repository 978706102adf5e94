//! Logins that reach everything, and by which path.

use super::line::{Line, wrapped};
use crate::audit::report::{By, Login, Report};
use crate::report::Tone;
use freehold_look::number::count;
use freehold_look::spans::spans;

/// Where the ways and their texts begin.
const BY: usize = 19;
const TEXT: usize = 33;
/// Texts of one way before the rest is only counted.
const MOST: usize = 8;
/// Findings shown; the page and the data have them all.
const MOST_FINDINGS: usize = 5;

pub(super) fn logins(report: &Report, width: usize) -> Vec<Line> {
    let all = report.subject.tables;
    let reaching = report.reaching().count();
    let mut lines = vec![
        Line::new()
            .strong("Logins that can reach everything")
            .plain("   ")
            .dim(&format!("{reaching} of {}", report.logins.len())),
    ];
    for (may, writes) in [("read, write", true), ("read", false)] {
        let group: Vec<&Login> = report
            .reaching()
            .filter(|own| (own.writes >= all) == writes)
            .collect();
        lines.extend(ways(report, &group, may, width));
    }
    if let Some(public) = &report.public {
        let reads: usize = public.reads.iter().map(|own| own.tables).sum();
        if reads + public.writes > 0 {
            let line = Line::new()
                .tone(Tone::Warn, "▲ ")
                .strong(&report.logins.len().to_string())
                .to(5)
                .plain(&format!("read {reads} of {all}"))
                .to(BY)
                .dim("PUBLIC")
                .to(TEXT)
                .plain("every login, and any made tomorrow");
            lines.push(line);
        }
    }
    lines
}

/// One group: how many, what they may, and a line for each kind of way.
fn ways(report: &Report, group: &[&Login], may: &str, width: usize) -> Vec<Line> {
    let mut kinds: Vec<(Option<By>, Vec<&Login>)> = Vec::new();
    for login in group {
        let by = login.paths.first().map(|own| own.by);
        match kinds.iter_mut().find(|(own, _)| *own == by) {
            Some((_, logins)) => logins.push(login),
            None => kinds.push((by, vec![login])),
        }
    }
    let mut lines = Vec::new();
    for (by, logins) in kinds {
        let text = texts(report, by, &logins);
        for (at, text) in wrapped(&text, width.saturating_sub(TEXT).max(20), Tone::Plain)
            .into_iter()
            .enumerate()
        {
            let mut line = Line::new();
            if lines.is_empty() {
                line = line
                    .tone(Tone::Warn, "▲ ")
                    .strong(&group.len().to_string())
                    .to(5)
                    .plain(may);
            }
            if at == 0 {
                line = line.to(BY).dim(by.map_or("not known", name));
            }
            lines.push(line.to(TEXT).then(text));
        }
    }
    lines
}

fn name(by: By) -> &'static str {
    match by {
        By::Owner => "owner",
        By::RoleChain => "role chain",
        By::DefinerFunction => "definer fn",
        By::Superuser => "superuser",
        By::Replication => "replication",
        By::Grant => "grant",
        By::Public => "PUBLIC",
        By::View => "view",
        By::ForeignServer => "foreign srv",
        By::RoleAdmin => "role admin",
    }
}

/// `dba_1 … dba_4 → dba → pg_write_all_data;  migrate → bookvault`.
fn texts(report: &Report, by: Option<By>, logins: &[&Login]) -> String {
    let mut ways: Vec<(String, Vec<&Login>)> = Vec::new();
    for login in logins {
        let tail = tail(login);
        match ways.iter_mut().find(|(own, _)| *own == tail) {
            Some((_, logins)) => logins.push(login),
            None => ways.push((tail, vec![login])),
        }
    }
    let more = ways.len().saturating_sub(MOST);
    let mut out: Vec<String> = ways
        .iter()
        .take(MOST)
        .map(|(tail, logins)| {
            let names = match logins.as_slice() {
                [first, _, .., last] => format!("{} … {}", first.name, last.name),
                few => few
                    .iter()
                    .map(|own| own.name.as_str())
                    .collect::<Vec<_>>()
                    .join(", "),
            };
            let services = logins
                .first()
                .map_or(0, |own| report.services(&own.programs));
            let shared = if by == Some(By::Owner) && services > 1 {
                format!(", shared by {}", count(services, "service", "services"))
            } else {
                String::new()
            };
            format!("{names}{tail}{shared}")
        })
        .collect();
    if more > 0 {
        out.push(format!("and {more} more"));
    }
    out.join(";  ")
}

/// The names that a way goes through, behind the login itself.
fn tail(login: &Login) -> String {
    let mut out = String::new();
    let Some(path) = login.paths.first() else {
        return out;
    };
    for (at, step) in path.steps.iter().enumerate() {
        let pieces: Vec<_> = spans(step).collect();
        match pieces[..] {
            [own] if own.code && (at > 0 || own.text != login.name) => {
                out.push_str(" → ");
                out.push_str(own.text);
            }
            [_] => {}
            // `runs its argument as bookvault`.
            _ => {
                if let Some(own) = pieces.iter().find(|own| own.code) {
                    out.push_str(" as ");
                    out.push_str(own.text);
                }
            }
        }
    }
    out
}

/// Rights and sessions to close.
pub(super) fn findings(report: &Report, width: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    if !report.findings.is_empty() {
        let sum = format!("{}, each with its repair", report.findings.len());
        lines.push(Line::new().strong("To close").plain("   ").dim(&sum));
    }
    for own in report.findings.iter().take(MOST_FINDINGS) {
        let start = || Line::new().tone(Tone::Warn, "▲ ").plain(&own.code);
        let indent = own.code.chars().count() + 4;
        for (at, text) in wrapped(
            &freehold_look::spans::plain(&own.message),
            width - indent,
            Tone::Plain,
        )
        .into_iter()
        .enumerate()
        {
            let line = if at == 0 { start() } else { Line::new() };
            lines.push(line.to(indent).then(text));
        }
        for text in wrapped(
            &freehold_look::spans::plain(&own.repair),
            width - indent,
            Tone::Dim,
        ) {
            lines.push(Line::new().to(indent).then(text));
        }
    }
    let more = report.findings.len().saturating_sub(MOST_FINDINGS);
    if more > 0 {
        lines.push(Line::new().dim(&format!(
            "and {more} more to close, with --json or --html FILE"
        )));
    }
    lines
}
