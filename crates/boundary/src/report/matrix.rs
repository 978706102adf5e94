//! Who crosses into whom, and how often.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Paint, Tone};
use crate::check::Checked;

/// Above this many contexts the pairs are listed instead: a table would not fit.
const WIDEST: usize = 8;

/// A table of counts, a row for each context that crosses; or a list of pairs for many contexts.
pub fn matrix(checked: &Checked, paint: Paint) -> String {
    let mut pairs: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for finding in &checked.findings {
        *pairs.entry((&finding.from, &finding.to)).or_default() += 1;
    }
    let names: Vec<&str> = checked
        .ownership
        .contexts
        .iter()
        .map(|context| context.name.as_str())
        .collect();
    let mut out = String::new();
    if names.len() > WIDEST {
        let mut pairs: Vec<_> = pairs.into_iter().collect();
        pairs.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let width = pairs
            .iter()
            .map(|((from, to), _)| from.chars().count() + to.chars().count())
            .max()
            .unwrap_or(0)
            + 3;
        for ((from, to), count) in pairs {
            let _ = writeln!(out, "{:width$}  {count:>5}", format!("{from} → {to}"));
        }
        return out;
    }
    let first = names
        .iter()
        .map(|name| name.chars().count())
        .max()
        .unwrap_or(0)
        .max(9)
        + 2;
    let _ = write!(out, "{:first$}→", "");
    for name in &names {
        let _ = write!(out, " {:>9}", paint_to(paint, Tone::Dim, name, 9));
    }
    out.push('\n');
    for from in &names {
        let _ = write!(out, "{from:first$} ");
        for to in &names {
            let width = to.chars().count().max(9);
            let count = pairs.get(&(*from, *to)).copied().unwrap_or(0);
            let cell = if from == to {
                "·".to_owned()
            } else {
                count.to_string()
            };
            let padded = format!("{cell:>width$}");
            let tone = if from != to && count > 0 {
                Tone::Bad
            } else {
                Tone::Dim
            };
            let _ = write!(out, " {}", paint(tone, &padded));
        }
        out.push('\n');
    }
    out
}

fn paint_to(paint: Paint, tone: Tone, text: &str, width: usize) -> String {
    paint(tone, &format!("{text:>width$}"))
}
