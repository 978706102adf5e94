//! A text put together from pieces of a file, that knows where each of its bytes came from.

use freehold_sql::HOLE;

/// A text and its origin.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mapped {
    pub(crate) text: String,
    /// Byte of the text, byte of the file: from there on they run side by side.
    marks: Vec<(usize, usize)>,
    /// What stands in the holes, in their order: an expression's last name, if it has one.
    pub(crate) holes: Vec<Hole>,
}

/// Something that only the running program knows.
#[derive(Debug, Clone)]
pub(crate) struct Hole {
    /// Its byte in the text.
    pub(crate) at: usize,
    /// `Tables.CUSTOMERS`, if it is no more than a name.
    pub(crate) name: Option<String>,
}

/// Longer texts are no statements that a person wrote.
const LIMIT: usize = 200_000;

impl Mapped {
    pub(crate) fn push(&mut self, text: &str, origin: usize) {
        if self.text.len() > LIMIT {
            return;
        }
        self.mark(origin);
        self.text.push_str(text);
    }

    pub(crate) fn push_hole(&mut self, origin: usize, name: Option<String>) {
        if self.text.len() > LIMIT {
            return;
        }
        self.mark(origin);
        self.holes.push(Hole {
            at: self.text.len(),
            name,
        });
        self.text.push(HOLE);
    }

    pub(crate) fn append(&mut self, other: &Self) {
        if self.text.len() > LIMIT {
            return;
        }
        let base = self.text.len();
        self.marks
            .extend(other.marks.iter().map(|(at, origin)| (at + base, *origin)));
        self.holes.extend(other.holes.iter().map(|hole| Hole {
            at: hole.at + base,
            name: hole.name.clone(),
        }));
        self.text.push_str(&other.text);
    }

    /// Puts a part of another text behind.
    pub(crate) fn append_part(&mut self, other: &Self, start: usize, end: usize) {
        let mut at = start;
        while at < end {
            // As far as text and file run side by side.
            let next = other
                .marks
                .get(other.marks.partition_point(|(from, _)| *from <= at))
                .map_or(end, |(from, _)| (*from).min(end));
            self.push(&other.text[at..next], other.origin(at));
            at = next;
        }
    }

    /// Puts a text behind that stands in another file; its place is the one byte at `origin`.
    pub(crate) fn push_at(&mut self, text: &str, origin: usize) {
        let mut from = 0;
        for (i, c) in text.char_indices() {
            let end = i + c.len_utf8();
            self.marks.push((self.text.len(), origin));
            self.text.push_str(&text[from..end]);
            from = end;
        }
    }

    /// The byte of the file that byte `at` of the text came from.
    pub(crate) fn origin(&self, at: usize) -> usize {
        let found = self.marks.partition_point(|(start, _)| *start <= at);
        match found.checked_sub(1).map(|i| self.marks[i]) {
            Some((start, origin)) => origin + (at - start),
            None => 0,
        }
    }

    fn mark(&mut self, origin: usize) {
        let at = self.text.len();
        if self.marks.is_empty() || self.origin(at) != origin {
            self.marks.push((at, origin));
        }
    }
}
