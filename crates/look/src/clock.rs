//! Times as people read them: UTC, and how long ago.

/// `14:14:07` of a moment, milliseconds since 1970.
#[must_use]
pub fn time(at_ms: u64) -> String {
    let seconds = at_ms / 1000 % 86_400;
    format!(
        "{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

/// `14:14:07.124`.
#[must_use]
pub fn time_ms(at_ms: u64) -> String {
    format!("{}.{:03}", time(at_ms), at_ms % 1000)
}

/// `14:14`.
#[must_use]
pub fn minute(at_ms: u64) -> String {
    time(at_ms)[..5].to_owned()
}

/// `2026-11-20 14:14:07 UTC`: the exact time that stands behind a short one.
#[must_use]
pub fn exact(at_ms: u64) -> String {
    let (year, month, day) = date(at_ms / 86_400_000);
    format!("{year:04}-{month:02}-{day:02} {} UTC", time(at_ms))
}

/// How long: `61 ms`, `4 s`, `11 min 54 s`, `3 h 5 min`, `41 d`.
#[must_use]
pub fn span(ms: u64) -> String {
    let seconds = ms / 1000;
    match ms {
        0..1000 => format!("{ms} ms"),
        1000..60_000 => format!("{seconds} s"),
        60_000..3_600_000 => pair(seconds / 60, "min", seconds % 60, "s"),
        3_600_000..86_400_000 => pair(seconds / 3600, "h", seconds / 60 % 60, "min"),
        _ => format!("{} d", seconds / 86_400),
    }
}

fn pair(big: u64, of: &str, small: u64, unit: &str) -> String {
    if small == 0 {
        format!("{big} {of}")
    } else {
        format!("{big} {of} {small} {unit}")
    }
}

/// A measured time in milliseconds: `0.4 ms`, `21 ms`, `1.24 s`.
#[must_use]
pub fn took(ms: f64) -> String {
    if ms < 10.0 && ms.fract() != 0.0 {
        format!("{ms:.1} ms")
    } else if ms < 1000.0 {
        format!("{ms:.0} ms")
    } else {
        format!("{:.2} s", ms / 1000.0)
    }
}

/// Year, month and day of days since 1970 (H. Hinnant, "chrono-compatible low-level date algorithms").
fn date(days: u64) -> (u64, u64, u64) {
    let z = days + 719_468;
    let era = z / 146_097;
    let of_era = z % 146_097;
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    (year + era * 400 + u64::from(month <= 2), month, day)
}

/// Milliseconds since 1970 of a time as RFC 3339 writes it in UTC: `2026-11-20T14:14:07.124Z`.
#[must_use]
pub fn read(text: &str) -> Option<u64> {
    let text = text.trim_end_matches("+00:00").trim_end_matches("+00");
    let part = |from: usize, to: usize| text.get(from..to)?.parse::<u64>().ok();
    let (year, month, day) = (part(0, 4)?, part(5, 7)?, part(8, 10)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || year < 1970 {
        return None;
    }
    let year = year - u64::from(month <= 2);
    let of_era = year % 400;
    let shifted = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * shifted + 2) / 5 + day - 1;
    let days = year / 400 * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    let seconds = part(11, 13)? * 3600 + part(14, 16)? * 60 + part(17, 19)?;
    let fraction = text.get(19..)?.trim_end_matches('Z').strip_prefix('.');
    let fraction = fraction.unwrap_or_default();
    let millis = format!("{fraction:0<3}").get(..3)?.parse::<u64>().ok()?;
    Some((days.checked_sub(719_468)? * 86_400 + seconds) * 1000 + millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_spans() {
        // 2026-11-20 14:14:07.124
        let at = 1_795_184_047_124;
        assert_eq!(exact(at), "2026-11-20 14:14:07 UTC");
        assert_eq!(time_ms(at), "14:14:07.124");
        assert_eq!(minute(at), "14:14");
        assert_eq!(exact(951_782_400_000), "2000-02-29 00:00:00 UTC");
        assert_eq!(span(714_000), "11 min 54 s");
        assert_eq!(span(120_000), "2 min");
        assert_eq!(span(61), "61 ms");
        assert_eq!(span(41 * 86_400_000), "41 d");
        assert_eq!(took(8.6), "8.6 ms");
        assert_eq!(took(1240.0), "1.24 s");
        assert_eq!(read("2026-11-20T14:14:07.124Z"), Some(at));
        assert_eq!(read("2000-02-29 00:00:00"), Some(951_782_400_000));
        assert_eq!(read("2026-11-20T14:14:07.124+00:00"), Some(at));
        assert_eq!(read("yesterday"), None);
    }
}
