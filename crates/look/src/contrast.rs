//! Every pair of colours that carries a text is readable, in both themes.

use std::collections::BTreeMap;

use super::BASE_CSS;

/// Text, the ground it stands on, and the least contrast (WCAG 2.2, 1.4.3 and 1.4.11).
const PAIRS: &[(&str, &str, f64)] = &[
    ("ink", "panel", 7.0),
    ("ink", "bg", 7.0),
    ("ink", "slab", 7.0),
    ("ink", "warn-tint", 7.0),
    ("ink", "shade-4", 7.0),
    ("ink2", "panel", 4.5),
    ("ink2", "bg", 4.5),
    ("ink2", "ground", 4.5),
    ("ink2", "slab", 4.5),
    ("ink2", "shade-4", 4.5),
    ("ink2", "warn-tint", 4.5),
    ("ink3", "panel", 4.5),
    ("ink3", "bg", 4.5),
    ("ink3", "sub", 4.5),
    ("ok", "panel", 4.5),
    ("ok", "ok-tint", 4.5),
    ("warn", "panel", 4.5),
    ("warn", "bg", 4.5),
    ("warn", "warn-tint", 4.5),
    ("bad", "panel", 4.5),
    ("bad", "bad-tint", 4.5),
    ("run", "panel", 4.5),
    ("run", "run-tint", 4.5),
    ("ctl", "panel", 3.0),
    ("ctl", "bg", 3.0),
];

#[test]
fn texts_are_readable() {
    for theme in ["light", "dark"] {
        let tokens = tokens(theme);
        for (text, ground, least) in PAIRS {
            let found = contrast(&tokens[*text], &tokens[*ground]);
            assert!(
                found >= *least,
                "{theme}: {text} on {ground}: {found:.1} < {least}"
            );
        }
    }
}

/// The tokens of the block that follows `/* tokens: THEME */`.
fn tokens(theme: &str) -> BTreeMap<String, String> {
    let (_, after) = BASE_CSS
        .split_once(&format!("/* tokens: {theme} */"))
        .expect("a block");
    let (block, _) = after.split_once('}').expect("an end");
    block
        .split(';')
        .filter_map(|line| line.rsplit_once("--"))
        .filter_map(|(_, pair)| pair.split_once(':'))
        .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
        .collect()
}

fn contrast(a: &str, b: &str) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

fn luminance(hex: &str) -> f64 {
    let channel = |at: usize| {
        let value = u8::from_str_radix(&hex[at..at + 2], 16).expect("a colour");
        let share = f64::from(value) / 255.0;
        if share <= 0.04045 {
            share / 12.92
        } else {
            ((share + 0.055) / 1.055).powf(2.4)
        }
    };
    0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
}
