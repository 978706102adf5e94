//! Moments as people read them. Always UTC, always said so.

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// A moment of the data, `2026-11-20T09:42:00Z`, taken apart. What is no moment is shown as it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment<'a> {
    text: &'a str,
}

impl<'a> Moment<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text }
    }

    fn parts(self) -> Option<(&'a str, &'static str, u8, &'a str)> {
        let (day, time) = self.text.split_once('T')?;
        let mut numbers = day.split('-');
        let year = numbers.next()?;
        let month: usize = numbers.next()?.parse().ok()?;
        let day: u8 = numbers.next()?.parse().ok()?;
        Some((
            year,
            MONTHS.get(month.checked_sub(1)?)?,
            day,
            time.get(..5)?,
        ))
    }

    /// `29 Oct`.
    pub(super) fn day(self) -> String {
        self.parts().map_or_else(
            || self.text.to_owned(),
            |(_, month, day, _)| format!("{day} {month}"),
        )
    }

    /// `29 Oct 2026`.
    pub(super) fn date(self) -> String {
        self.parts().map_or_else(
            || self.text.to_owned(),
            |(year, month, day, _)| format!("{day} {month} {year}"),
        )
    }

    /// `09:42`.
    pub(super) fn time(self) -> String {
        self.parts()
            .map_or_else(String::new, |(.., time)| time.to_owned())
    }

    /// Days since some day, to place moments on a line.
    pub(super) fn days(self) -> Option<f64> {
        let (day, time) = self.text.split_once('T')?;
        let mut numbers = day.split('-').map(str::parse::<f64>);
        let (year, month, day) = (
            numbers.next()?.ok()?,
            numbers.next()?.ok()?,
            numbers.next()?.ok()?,
        );
        let hours: f64 = time.get(..2)?.parse().ok()?;
        // Days of the civil calendar with the year beginning in March, so that leap days come last.
        let (year, month) = if month > 2.0 {
            (year, month - 3.0)
        } else {
            (year - 1.0, month + 9.0)
        };
        let leaps = (year / 4.0).floor() - (year / 100.0).floor() + (year / 400.0).floor();
        Some(year * 365.0 + leaps + ((153.0 * month + 2.0) / 5.0).floor() + day + hours / 24.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read() {
        let at = Moment::new("2026-10-29T02:30:00Z");
        assert_eq!(
            (at.day(), at.date(), at.time()),
            ("29 Oct".into(), "29 Oct 2026".into(), "02:30".into())
        );
        assert_eq!(Moment::new("soon").date(), "soon");
        let days = |text| Moment::new(text).days().unwrap_or_default();
        assert!((days("2026-03-01T00:00:00Z") - days("2026-02-28T00:00:00Z") - 1.0).abs() < 1e-9);
        assert!((days("2024-03-01T00:00:00Z") - days("2024-02-28T00:00:00Z") - 2.0).abs() < 1e-9);
        assert!((days("2027-01-01T12:00:00Z") - days("2026-12-31T00:00:00Z") - 1.5).abs() < 1e-9);
    }
}
