//! Lengths of time as definitions write them.

/// A saga may wait for a human, but not for ever.
const LONGEST_MS: u64 = 400 * 86_400_000;

/// `200ms`, `10s`, `30m`, `2h`, `7d` in milliseconds; never nothing and never more than 400 days.
pub(crate) fn millis(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let number: u64 = text[..digits].parse().ok()?;
    let unit = match &text[digits..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    let millis = number.checked_mul(unit)?;
    (1..=LONGEST_MS).contains(&millis).then_some(millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_and_bounds() {
        let cases = [
            ("200ms", 200),
            ("10s", 10_000),
            ("2h", 7_200_000),
            ("7d", 604_800_000),
        ];
        for (text, expected) in cases {
            assert_eq!(millis(text), Some(expected));
        }
        for text in [
            "",
            "10",
            "s",
            "0s",
            "-1s",
            "1.5s",
            "10 s",
            "999d",
            "99999999999999999999d",
        ] {
            assert_eq!(millis(text), None, "{text}");
        }
    }
}
