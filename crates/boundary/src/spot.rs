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

/// Where the lines of a text begin.
#[derive(Debug)]
pub(crate) struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
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
        Self { text, starts }
    }

    /// The place of the bytes `start..end`, which may be any.
    pub(crate) fn spot(&self, start: usize, end: usize, symbol: String) -> Spot {
        let start = floor(self.text, start);
        let end = floor(self.text, end.max(start));
        let line = self.starts.partition_point(|from| *from <= start).max(1);
        let from = self.starts[line - 1];
        let length = self.text[start..end]
            .split('\n')
            .next()
            .unwrap_or("")
            .chars()
            .count();
        Spot {
            line,
            column: self.text[from..start].chars().count() + 1,
            length: length.max(1),
            symbol,
        }
    }
}

fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
