//! A point in time as events carry it. Pure: nobody reads a clock here.

use std::fmt;
use std::str::FromStr;

use crate::position::ParseError;

/// Microseconds since 1970-01-01T00:00:00Z, without leap seconds; may be negative.
/// Text is RFC 3339 in UTC, always with six digits: `2026-11-21T13:19:21.000000Z`.
/// Shown by the source's own clock; never decides an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;
/// 0000-01-01 and the last microsecond of 9999: what RFC 3339 can write.
const FIRST: i64 = -719_528 * DAY;
const LAST: i64 = 2_932_897 * DAY - 1;

impl Timestamp {
    /// Microseconds since the epoch. Outside the years 0000 to 9999 it becomes the nearest of them.
    pub fn from_micros(micros: i64) -> Self {
        Self(micros.clamp(FIRST, LAST))
    }

    /// Microseconds since the epoch.
    pub fn micros(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, rest) = (self.0.div_euclid(DAY), self.0.rem_euclid(DAY));
        let (year, month, day) = civil(days);
        let (second, micro) = (rest / SECOND, rest % SECOND);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micro:06}Z"
        )
    }
}

impl FromStr for Timestamp {
    type Err = ParseError;

    /// Any RFC 3339 time; an offset is taken into account, digits behind the sixth are cut.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        parse(text).ok_or_else(|| ParseError::new("a time such as 2026-11-21T13:19:21Z", text))
    }
}

fn parse(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let (date, clock) = (text.get(..10)?, text.get(11..19)?);
    let shape = bytes[4] == b'-'
        && bytes[7] == b'-'
        && matches!(bytes[10], b'T' | b't' | b' ')
        && bytes[13] == b':'
        && bytes[16] == b':';
    shape.then_some(())?;
    let (year, month, day) = (
        number(&date[..4])?,
        number(&date[5..7])?,
        number(&date[8..])?,
    );
    let (hour, minute, second) = (
        number(&clock[..2])?,
        number(&clock[3..5])?,
        number(&clock[6..])?,
    );
    // A leap second is written as 60 and becomes the next second.
    let sane = hour < 24 && minute < 60 && second <= 60;
    let days = days(year, month, day)?;
    (sane && civil(days) == (year, month, day)).then_some(())?;
    let (micros, zone) = fraction(&text[19..])?;
    let seconds = (hour * 60 + minute - offset(zone)?) * 60 + second;
    let micros = days * DAY + seconds * SECOND + micros;
    (FIRST..=LAST)
        .contains(&micros)
        .then_some(Timestamp(micros))
}

/// `.123456789Z` → microseconds and what follows.
fn fraction(text: &str) -> Option<(i64, &str)> {
    let Some(rest) = text.strip_prefix('.') else {
        return Some((0, text));
    };
    let end = rest.find(|c: char| !c.is_ascii_digit())?;
    (end > 0).then_some(())?;
    let six: String = rest[..end]
        .chars()
        .chain("000000".chars())
        .take(6)
        .collect();
    Some((number(&six)?, &rest[end..]))
}

/// Minutes east of UTC.
fn offset(zone: &str) -> Option<i64> {
    if matches!(zone, "Z" | "z") {
        return Some(0);
    }
    let (sign, rest) = match zone.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hour, minute) = rest.split_once(':')?;
    let plain = hour.len() == 2 && minute.len() == 2;
    let (hour, minute) = (number(hour)?, number(minute)?);
    (plain && hour < 24 && minute < 60).then_some(sign * (hour * 60 + minute))
}

fn number(text: &str) -> Option<i64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

/// Days since 1970-01-01 → year, month, day. Howard Hinnant, "chrono-compatible low-level date
/// algorithms": years begin in March, so that the leap day is the last.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

/// The reverse of [`civil`]; `None` where month or day cannot be.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    ((1..=12).contains(&month) && (1..=31).contains(&day)).then_some(())?;
    let year = year - i64::from(month <= 2);
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let shifted = (month + 9) % 12;
    let of_year = (153 * shifted + 2) / 5 + day - 1;
    let of_era = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    Some(era * 146_097 + of_era - 719_468)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_times() {
        for (micros, text) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (-1, "1969-12-31T23:59:59.999999Z"),
            (1_709_164_800 * SECOND, "2024-02-29T00:00:00.000000Z"),
            (FIRST, "0000-01-01T00:00:00.000000Z"),
            (LAST, "9999-12-31T23:59:59.999999Z"),
        ] {
            assert_eq!(Timestamp(micros).to_string(), text);
            assert_eq!(text.parse(), Ok(Timestamp(micros)));
        }
        assert_eq!(Timestamp::from_micros(i64::MAX), Timestamp(LAST));
    }

    #[test]
    fn offsets_and_fractions_of_others() {
        let noon = "2026-11-21T12:00:00Z".parse::<Timestamp>();
        assert_eq!("2026-11-21T13:00:00+01:00".parse(), noon);
        assert_eq!("2026-11-21t06:30:00-05:30".parse(), noon);
        assert_eq!("2026-11-21T12:00:00.0000009Z".parse(), noon);
        for wrong in [
            "",
            "2026-11-21",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-11-21T24:00:00Z",
            "2026-11-21T12:00:00",
            "2026-11-21T12:00:00.Z",
            "2026-11-21T12:00:00+1:00",
            "2026-11-2éT12:00:00Z",
            "2026-11-21T12:00:00Zé",
        ] {
            assert!(wrong.parse::<Timestamp>().is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn text_comes_back(micros in FIRST..=LAST) {
            let time = Timestamp::from_micros(micros);
            prop_assert_eq!(time.to_string().parse(), Ok(time));
        }
    }
}
