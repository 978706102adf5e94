//! Lines and columns of byte offsets, as a reader that only walks forward.
//!
//! Owns what a line is (it ends at a line feed) and that columns count characters.

pub(super) struct Position<'a> {
    text: &'a str,
    offset: usize,
    line: usize,
    column: usize,
}

impl<'a> Position<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            offset: 0,
            line: 1,
            column: 1,
        }
    }

    /// Line and column of `offset`, a character boundary not before the last one asked for.
    pub(super) fn advance_to(&mut self, offset: usize) -> (usize, usize) {
        for c in self.text[self.offset..offset].chars() {
            if c == '\n' {
                self.line += 1;
                self.column = 1;
            } else {
                self.column += 1;
            }
        }
        self.offset = offset;
        (self.line, self.column)
    }
}
