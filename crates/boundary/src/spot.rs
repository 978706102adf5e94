//! Places in a file, as people and editors count them.

use serde::{Deserialize, Serialize};

/// A place and the declaration around it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, PartialOrd, Ord)]
pub struct Spot {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// How many characters are meant; 1 at least.
    pub length: usize,
    /// `Class.function` around it; empty at the top of a file.
    pub symbol: String,
}

/// So many bytes between two places whose characters are counted beforehand.
const STRIDE: usize = 256;

/// Where the lines of a text begin, and how many characters stand before a place: finding either
/// takes no longer on a line of many megabytes.
#[derive(Debug)]
pub(crate) struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
    /// Characters that begin before each [`STRIDE`]th byte; empty where all are of one byte.
    before: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        let starts = std::iter::once(0)
            .chain(
                text.bytes()
                    .enumerate()
                    .filter(|(_, byte)| *byte == b'\n')
                    .map(|(i, _)| i + 1),
            )
            .collect();
        let mut before = Vec::new();
        if !text.is_ascii() {
            let mut count = 0;
            for block in text.as_bytes().chunks(STRIDE) {
                before.push(count);
                count += characters(block);
            }
            before.push(count);
        }
        Self {
            text,
            starts,
            before,
        }
    }

    /// The place of the bytes `start..end`, which may be any.
    pub(crate) fn spot(&self, start: usize, end: usize, symbol: String) -> Spot {
        let start = floor(self.text, start);
        let end = floor(self.text, end.max(start));
        let line = self.starts.partition_point(|from| *from <= start).max(1);
        let from = self.starts[line - 1];
        let meant = &self.text.as_bytes()[start..end];
        let meant = meant.split(|byte| *byte == b'\n').next().unwrap_or(meant);
        Spot {
            line,
            column: self.characters_before(start) - self.characters_before(from) + 1,
            length: characters(meant).max(1),
            symbol,
        }
    }

    fn characters_before(&self, at: usize) -> usize {
        match self.before.get(at / STRIDE) {
            Some(count) => count + characters(&self.text.as_bytes()[at - at % STRIDE..at]),
            None => at,
        }
    }
}

/// How many characters begin in these bytes of a text.
fn characters(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .filter(|byte| (**byte & 0b1100_0000) != 0b1000_0000)
        .count()
}

fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_counted_in_characters() {
        for filler in ["x", "é", "𝄞"] {
            let text = format!("a\n{}books\nb", filler.repeat(700));
            let at = text.find("books").expect("there");
            let spot = Lines::new(&text).spot(at, at + 5, String::new());
            assert_eq!(
                (spot.line, spot.column, spot.length),
                (2, 701, 5),
                "{filler}"
            );
        }
        let spot = Lines::new("").spot(9, 12, String::new());
        assert_eq!((spot.line, spot.column, spot.length), (1, 1, 1));
    }
}
