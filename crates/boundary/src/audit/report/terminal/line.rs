//! A line of a terminal: pieces with their tones, and how wide they are.

use crate::report::{Paint, Tone};

/// Pieces from left to right.
#[derive(Debug, Clone, Default)]
pub(super) struct Line {
    pieces: Vec<(Tone, String)>,
}

impl Line {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Names come from a server that others fill: nothing of them may steer the terminal.
    pub(super) fn tone(mut self, tone: Tone, text: &str) -> Self {
        let text = text.replace(char::is_control, "\u{fffd}");
        self.pieces.push((tone, text));
        self
    }

    pub(super) fn plain(self, text: &str) -> Self {
        self.tone(Tone::Plain, text)
    }

    pub(super) fn strong(self, text: &str) -> Self {
        self.tone(Tone::Strong, text)
    }

    pub(super) fn dim(self, text: &str) -> Self {
        self.tone(Tone::Dim, text)
    }

    pub(super) fn then(mut self, other: Self) -> Self {
        self.pieces.extend(other.pieces);
        self
    }

    /// Spaces up to a column; one space at least where something is in the way already.
    pub(super) fn to(self, column: usize) -> Self {
        let have = self.width();
        let gap = if have == 0 {
            column
        } else {
            column.saturating_sub(have).max(1)
        };
        self.plain(&" ".repeat(gap))
    }

    /// A piece that ends at a column.
    pub(super) fn right(self, column: usize, tone: Tone, text: &str) -> Self {
        let start = column.saturating_sub(text.chars().count());
        self.to(start).tone(tone, text)
    }

    pub(super) fn width(&self) -> usize {
        self.pieces
            .iter()
            .map(|(_, text)| text.chars().count())
            .sum()
    }

    /// With the caller's colours; nothing but spaces at the end goes.
    pub(super) fn painted(mut self, paint: Paint<'_>) -> String {
        while self
            .pieces
            .last()
            .is_some_and(|(_, text)| text.trim().is_empty())
        {
            self.pieces.pop();
        }
        self.pieces
            .iter()
            .map(|(tone, text)| match tone {
                Tone::Plain => text.clone(),
                tone => paint(*tone, text),
            })
            .collect()
    }
}

/// A text over as many lines as it needs. A word that is longer than a line stands alone.
pub(super) fn wrapped(text: &str, width: usize, tone: Tone) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(Line::new().tone(tone, std::mem::take(&mut line).trim_end()));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        lines.push(Line::new().tone(tone, &line));
    }
    lines
}

/// As much as fits, with `…` where it was cut.
pub(super) fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut out: String = text.chars().take(width.saturating_sub(1)).collect();
    out.push('…');
    out
}
