//! What drawings need: paths with round corners, arrow heads, the width of a text.

use std::fmt::Write as _;

/// A way along points, with round corners. Coordinates are cut to a tenth.
#[must_use]
pub fn round_path(points: &[(f64, f64)], radius: f64) -> String {
    let mut out = String::new();
    let Some(first) = points.first() else {
        return out;
    };
    let _ = write!(out, "M{}", point(*first));
    for corner in points.windows(3) {
        let (before, at, after) = (corner[0], corner[1], corner[2]);
        let radius = radius
            .min(distance(before, at) / 2.0)
            .min(distance(at, after) / 2.0);
        let (enter, leave) = (toward(at, before, radius), toward(at, after, radius));
        let _ = write!(out, "L{}Q{} {}", point(enter), point(at), point(leave));
    }
    if let (Some(last), true) = (points.last(), points.len() > 1) {
        let _ = write!(out, "L{}", point(*last));
    }
    out
}

/// A filled head that points down, with its tip at a point.
#[must_use]
pub fn arrow_down(tip: (f64, f64), width: f64, height: f64) -> String {
    let (x, y) = tip;
    format!(
        "M{}L{}L{}Z",
        point((x, y)),
        point((x - width / 2.0, y - height)),
        point((x + width / 2.0, y - height))
    )
}

/// `x y`, cut to a tenth.
#[must_use]
pub fn point((x, y): (f64, f64)) -> String {
    format!("{} {}", tenth(x), tenth(y))
}

/// A coordinate, cut to a tenth, without what it does not need.
#[must_use]
pub fn tenth(value: f64) -> String {
    let text = format!("{value:.1}");
    let text = text.strip_suffix(".0").unwrap_or(&text);
    if text == "-0" {
        "0".to_owned()
    } else {
        text.to_owned()
    }
}

/// About how wide a text is in the page's type; rather too wide than too narrow.
#[must_use]
pub fn text_width(text: &str, size: f64) -> f64 {
    text.chars()
        .map(|c| match c {
            'i' | 'l' | 'j' | '.' | ',' | ':' | '|' | ' ' => 0.32,
            'm' | 'w' | 'M' | 'W' => 0.92,
            'A'..='Z' => 0.7,
            _ if c.is_ascii() => 0.6,
            _ => 1.0,
        })
        .sum::<f64>()
        * size
}

/// As much of a text as fits a width, with `…` where it was cut.
#[must_use]
pub fn fit(text: &str, size: f64, width: f64) -> String {
    if text_width(text, size) <= width {
        return text.to_owned();
    }
    let mut out = String::new();
    for c in text.chars() {
        let longer = format!("{out}{c}…");
        if text_width(&longer, size) > width {
            break;
        }
        out.push(c);
    }
    out.push('…');
    out
}

fn distance(a: (f64, f64), b: (f64, f64)) -> f64 {
    (a.0 - b.0).hypot(a.1 - b.1)
}

fn toward(from: (f64, f64), to: (f64, f64), by: f64) -> (f64, f64) {
    let length = distance(from, to);
    if length == 0.0 {
        return from;
    }
    let share = by / length;
    (
        from.0 + (to.0 - from.0) * share,
        from.1 + (to.1 - from.1) * share,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners_are_round_and_short_ways_stay_short() {
        assert_eq!(
            round_path(&[(0.0, 10.0), (0.0, 0.0), (10.0, 0.0)], 4.0),
            "M0 10L0 4Q0 0 4 0L10 0"
        );
        assert_eq!(round_path(&[], 4.0), "");
        assert_eq!(round_path(&[(1.0, 2.0)], 4.0), "M1 2");
    }

    #[test]
    fn texts_are_cut_to_a_width() {
        assert_eq!(fit("orders", 12.0, 100.0), "orders");
        let cut = fit("a_very_long_name_of_a_service", 12.0, 60.0);
        assert!(
            cut.ends_with('…') && text_width(&cut, 12.0) <= 60.0,
            "{cut}"
        );
    }
}
