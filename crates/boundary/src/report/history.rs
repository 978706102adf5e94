//! How the number of findings went over time.

use std::fmt::Write as _;

use crate::baseline::Day;

/// Rows of the plot.
const HEIGHT: usize = 8;
/// From nothing to a whole row, in eighths.
const EIGHTHS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// A plot over days, `width` columns at most: the number at the end of each column's time.
#[must_use]
pub fn history(days: &[Day], width: usize) -> String {
    let (Some(first), Some(last)) = (days.first(), days.last()) else {
        return "Nothing is known of the past yet.\n".to_owned();
    };
    let most = days.iter().map(|day| day.findings).max().unwrap_or(0);
    let label = most.to_string().len();
    let columns = sampled(days, width.saturating_sub(label + 3).clamp(10, 72));
    let mut out = String::new();
    for row in (0..HEIGHT).rev() {
        let mark = match row {
            row if row == HEIGHT - 1 => most.to_string(),
            0 => "0".to_owned(),
            _ => String::new(),
        };
        let _ = write!(out, "{mark:>label$} │");
        for count in &columns {
            out.push(cell(*count, most, row));
        }
        let trimmed = out.trim_end().len();
        out.truncate(trimmed);
        out.push('\n');
    }
    let _ = writeln!(out, "{:label$} └{}", "", "─".repeat(columns.len()));
    let between = columns
        .len()
        .saturating_sub(first.day.len() + last.day.len());
    if first.day == last.day {
        let _ = writeln!(out, "{:label$}  {}", "", first.day);
    } else {
        let _ = writeln!(
            out,
            "{:label$}  {}{}{}",
            "",
            first.day,
            " ".repeat(between.max(1)),
            last.day
        );
    }
    let _ = writeln!(out, "{}", summed(first, last));
    out
}

/// The same in one row, for the end of a report: `▇▆▅▃  90 → 41 since 2026-01-02`. Nothing while
/// there is no past.
#[must_use]
pub(crate) fn sparkline(days: &[Day]) -> Option<String> {
    let (first, last) = (days.first()?, days.last()?);
    if days.len() < 2 {
        return None;
    }
    let most = days.iter().map(|day| day.findings).max()?.max(1);
    let line: String = sampled(days, days.len().clamp(2, 20))
        .into_iter()
        .map(|count| EIGHTHS[(count * 8).div_ceil(most).min(8)])
        .collect();
    Some(format!("{line}  {}", summed(first, last)))
}

fn summed(first: &Day, last: &Day) -> String {
    format!("{} → {} since {}", first.findings, last.findings, first.day)
}

fn cell(count: usize, most: usize, row: usize) -> char {
    // All of it in eighths of a row; what is there at all is seen.
    let eighths = (count * HEIGHT * 8).div_ceil(most.max(1));
    EIGHTHS[eighths.saturating_sub(row * 8).min(8)]
}

/// So many points, evenly over the time from the first day to the last. A number holds until the
/// next one.
fn sampled(days: &[Day], points: usize) -> Vec<usize> {
    let numbers: Vec<i64> = days.iter().map(|day| number(&day.day)).collect();
    let (Some(from), Some(to)) = (numbers.first(), numbers.last()) else {
        return Vec::new();
    };
    let points = i64::try_from(points).unwrap_or(2).max(2);
    (0..points)
        .map(|point| {
            let at = from + (to - from) * point / (points - 1);
            let next = numbers.partition_point(|day| *day <= at).max(1);
            days[next - 1].findings
        })
        .collect()
}

/// Days since some day long ago, from `YYYY-MM-DD`; what is none counts as that day. The
/// calendar is Howard Hinnant's `days_from_civil`.
fn number(day: &str) -> i64 {
    let mut parts = day.split('-').map(|part| part.parse::<i64>().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0).clamp(0, 9_999);
    let (year, month, date) = (next(), next(), next());
    let year = if month <= 2 { year - 1 } else { year };
    let era_year = year.rem_euclid(400);
    let from_march = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * from_march + 2) / 5 + date - 1;
    year.div_euclid(400) * 146_097 + era_year * 365 + era_year / 4 - era_year / 100 + day_of_year
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(list: &[(&str, usize)]) -> Vec<Day> {
        list.iter()
            .map(|(day, findings)| Day {
                day: (*day).to_owned(),
                findings: *findings,
            })
            .collect()
    }

    #[test]
    fn time_is_even_and_numbers_hold() {
        let days = days(&[("2026-01-01", 8), ("2026-01-02", 4), ("2026-01-11", 0)]);
        assert_eq!(sampled(&days, 11), [8, 4, 4, 4, 4, 4, 4, 4, 4, 4, 0]);
        assert_eq!(number("2024-03-01") - number("2024-02-28"), 2);
    }

    #[test]
    fn the_curve_is_drawn() {
        let days = days(&[("2026-01-01", 16), ("2026-03-01", 8), ("2026-04-01", 1)]);
        let plot = history(&days, 26);
        let rows: Vec<&str> = plot.lines().collect();
        assert!(rows[0].starts_with("16 │██"), "{plot}");
        assert!(
            rows[7].starts_with(" 0 │██") && rows[7].ends_with('▄'),
            "{plot}"
        );
        assert!(plot.ends_with("16 → 1 since 2026-01-01\n"), "{plot}");
        assert!(plot.lines().all(|row| row.chars().count() <= 26), "{plot}");
        assert_eq!(sparkline(&days[..1]), None);
        assert_eq!(
            sparkline(&days).as_deref(),
            Some("██▁  16 → 1 since 2026-01-01")
        );
    }
}
