//! A line of the log. Whoever runs the program adds the time and the service's name.

pub(crate) fn line(text: &str) {
    println!("{text}");
}

/// Minor units as people read them: `89.97 EUR`.
pub(crate) fn money(cents: i64, currency: &str) -> String {
    format!("{}.{:02} {currency}", cents / 100, cents % 100)
}
