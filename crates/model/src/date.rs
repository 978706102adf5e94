//! Calendar dates as texts: `YYYY-MM-DD`. No clock, no arithmetic.

/// Is this a day of the (proleptic Gregorian) calendar, written as `YYYY-MM-DD`?
pub(crate) fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digits = |range: std::ops::Range<usize>| {
        text.get(range)
            .filter(|part| part.bytes().all(|b| b.is_ascii_digit()))?
            .parse()
            .ok()
    };
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return false;
    }
    let (Some(year), Some(month), Some(day)) = (digits(0..4), digits(5..7), digits(8..10)) else {
        return false;
    };
    (1..=days_of(year, month)).contains(&day)
}

fn days_of(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_real_days_pass() {
        for day in ["2027-06-30", "2024-02-29", "2000-02-29"] {
            assert!(is_date(day), "{day}");
        }
        for no in [
            "2023-02-29",
            "1900-02-29",
            "2027-06-31",
            "2027-13-01",
            "2027-00-10",
            "2027-1-1",
            "2027-01-00",
            "27-01-01",
            "2027/01/01",
            "+027-01-01",
            "2027-01-0é",
            "",
        ] {
            assert!(!is_date(no), "{no}");
        }
    }
}
