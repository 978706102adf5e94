//! Numbers as people read them, each with its unit.

/// `44,684,516`.
#[must_use]
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// To the nearest whole number; nothing is less than none, and what is no number is none.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` saturates, and that is meant"
)]
pub fn whole(value: f64) -> u64 {
    value.round() as u64
}

/// A count as a number to divide with.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    reason = "counts beyond 2^53 are not shown to the last digit"
)]
pub fn real(count: u64) -> f64 {
    count as f64
}

/// `four`; from thirteen on in digits.
#[must_use]
pub fn word(n: usize) -> String {
    const WORDS: [&str; 13] = [
        "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
        "eleven", "twelve",
    ];
    WORDS
        .get(n)
        .map_or_else(|| grouped(n as u64), |word| (*word).to_owned())
}

/// `1 session`, `2 sessions`, `4,000 sessions`.
#[must_use]
pub fn count(n: usize, one: &str, many: &str) -> String {
    format!("{} {}", grouped(n as u64), if n == 1 { one } else { many })
}

/// The first letter as a capital.
#[must_use]
pub fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().collect::<String>() + chars.as_str()
    })
}

/// The share in whole per cent, never 0 or 100 where it is not exactly that.
#[must_use]
pub fn percent(part: f64, of: f64) -> String {
    if of <= 0.0 || part <= 0.0 {
        return "0 %".to_owned();
    }
    let share = part / of * 100.0;
    match whole(share) {
        0 => "under 1 %".to_owned(),
        100 if part < of => "over 99 %".to_owned(),
        n => format!("{n} %"),
    }
}

/// A mean in milliseconds: `0.62`, `31,460`.
#[must_use]
pub fn millis(ms: f64) -> String {
    if ms > 0.0 && ms < 0.01 {
        "< 0.01".to_owned()
    } else if ms < 10.0 {
        format!("{ms:.2}")
    } else if ms < 100.0 {
        format!("{ms:.1}")
    } else {
        grouped(whole(ms))
    }
}

/// A rate for each day: whole numbers, but what is rarer than daily keeps its digits.
#[must_use]
pub fn rate(a_day: f64) -> String {
    // A sum of nothing may be a negative zero.
    let a_day = a_day.max(0.0) + 0.0;
    if a_day > 0.0 && a_day < 0.01 {
        "< 0.01".to_owned()
    } else if a_day < 1.0 {
        let text = format!("{a_day:.2}");
        if text == "0.00" { "0".to_owned() } else { text }
    } else {
        grouped(whole(a_day))
    }
}

/// Seconds as the unit that a person would take: `12.3 h`, `4.2 min`, `9 s`.
#[must_use]
pub fn duration(seconds: f64) -> (String, &'static str) {
    if seconds >= 3600.0 {
        (format!("{:.1}", seconds / 3600.0), "h")
    } else if seconds >= 60.0 {
        (format!("{:.1}", seconds / 60.0), "min")
    } else {
        (rate(seconds), "s")
    }
}

/// A big count in short: `44.7 M`, `168 M`, `9.3 k`, `412`.
#[must_use]
pub fn short(value: f64) -> String {
    let (value, suffix) = if value >= 999_500.0 {
        (value / 1e6, " M")
    } else if value >= 9_950.0 {
        (value / 1e3, " k")
    } else {
        return rate(value);
    };
    if value >= 99.95 {
        format!("{}{suffix}", grouped(whole(value)))
    } else {
        format!("{value:.1}{suffix}")
    }
}

/// Bytes in powers of ten, one digit behind the point: `6.1 GB`.
#[must_use]
pub fn bytes(n: u64) -> String {
    let n = real(n);
    let unit = ByteUnit::of(n);
    format!("{} {}", unit.show(unit.steps(n)), unit.name)
}

/// The unit in which several sizes are shown beside each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ByteUnit {
    pub name: &'static str,
    size: f64,
}

impl ByteUnit {
    /// Fit for the largest of them.
    #[must_use]
    pub fn of(largest: f64) -> Self {
        let (name, size) = match largest {
            n if n >= 1e12 => ("TB", 1e12),
            n if n >= 1e9 => ("GB", 1e9),
            n if n >= 5e4 => ("MB", 1e6),
            _ => ("kB", 1e3),
        };
        Self { name, size }
    }

    /// In tenths of the unit.
    #[must_use]
    pub fn steps(self, bytes: f64) -> f64 {
        bytes / self.size * 10.0
    }

    /// Tenths, as text.
    #[must_use]
    pub fn show(self, tenths: impl Into<f64>) -> String {
        let value = tenths.into() / 10.0;
        if value >= 1000.0 {
            grouped(whole(value))
        } else {
            format!("{value:.1}")
        }
    }
}

/// The unit in which many counts are shown beside each other: `20.88 M`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// `M`, `k`, or nothing.
    pub suffix: &'static str,
    /// `million`, `thousand`, or nothing.
    pub word: &'static str,
    size: f64,
    decimals: u32,
}

impl Scale {
    /// Fit for a total.
    #[must_use]
    pub fn of(total: f64) -> Self {
        let (suffix, word, size, decimals) = if total >= 1e6 {
            ("M", "million", 1e6, 2)
        } else if total >= 1e5 {
            ("k", "thousand", 1e3, 1)
        } else {
            ("", "", 1.0, 0)
        };
        Self {
            suffix,
            word,
            size,
            decimals,
        }
    }

    /// The value in the smallest steps that are shown.
    #[must_use]
    pub fn steps(self, value: f64) -> f64 {
        value / self.size * 10f64.powi(self.decimals.cast_signed())
    }

    /// Steps without the unit: `20.88`.
    #[must_use]
    pub fn bare(self, steps: u64) -> String {
        let ten = 10u64.pow(self.decimals);
        let whole = grouped(steps / ten);
        if self.decimals == 0 {
            whole
        } else {
            format!(
                "{whole}.{:0width$}",
                steps % ten,
                width = self.decimals as usize
            )
        }
    }

    /// Steps with the unit: `20.88 M`.
    #[must_use]
    pub fn show(self, steps: u64) -> String {
        let bare = self.bare(steps);
        if self.suffix.is_empty() {
            bare
        } else {
            format!("{bare} {}", self.suffix)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_units_and_groups() {
        assert_eq!(grouped(44_684_516), "44,684,516");
        assert_eq!((word(4), word(13)), ("four".to_owned(), "13".to_owned()));
        assert_eq!(millis(31_460.0), "31,460");
        assert_eq!(millis(0.62), "0.62");
        assert_eq!(
            (short(44_684_516.0), short(168e6)),
            ("44.7 M".to_owned(), "168 M".to_owned())
        );
        assert_eq!(short(999_600.0), "1.0 M");
        assert_eq!(duration(44_382.0), ("12.3".to_owned(), "h"));
        assert_eq!(
            (bytes(6_100_000_000), bytes(100_000)),
            ("6.1 GB".to_owned(), "0.1 MB".to_owned())
        );
        assert_eq!(capital("four"), "Four");
    }

    #[test]
    fn a_share_is_never_all_or_nothing_by_rounding() {
        assert_eq!(percent(1.0, 1000.0), "under 1 %");
        assert_eq!(percent(999.0, 1000.0), "over 99 %");
        assert_eq!(percent(0.0, 10.0), "0 %");
        assert_eq!(percent(10.0, 10.0), "100 %");
        assert_eq!(percent(1.0, 0.0), "0 %");
    }

    #[test]
    fn a_scale_shows_its_steps() {
        let scale = Scale::of(44_684_516.0);
        assert_eq!(scale.show(2088), "20.88 M");
        assert_eq!(scale.bare(19), "0.19");
        assert_eq!(Scale::of(812.0).show(812), "812");
        assert_eq!(
            Scale::of(250_000.0).show(whole(Scale::of(250_000.0).steps(1234.0))),
            "1.2 k"
        );
    }
}
