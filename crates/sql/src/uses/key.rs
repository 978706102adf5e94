//! Which foreign key a REFERENCES belongs to, and what ALTER TABLE takes away.
//!
//! Owns the names by which a history of migrations speaks of the same foreign key twice.

use super::name::{self, Named};
use super::state::Walk;
use super::{Dropped, Key};
use crate::facts::reader::ident;

/// The foreign key whose REFERENCES stands at `at`, on the level that begins at `from`:
/// `CONSTRAINT n FOREIGN KEY (a, b) REFERENCES`, or `a int CONSTRAINT n REFERENCES`.
pub(super) fn before(walk: &Walk, from: usize, at: usize) -> Key {
    let mut key = Key::default();
    let mut start = at;
    if at > from && walk.is_symbol(at - 1, ")") {
        let open = (from..at - 1)
            .rev()
            .find(|&open| walk.is_symbol(open, "(") && walk.closes[open] == at - 1);
        let Some(open) = open else { return key };
        if walk.is(open.wrapping_sub(1), "KEY") || walk.is(open.wrapping_sub(2), "KEY") {
            key.columns = (open + 1..at - 1).filter_map(|i| word(walk, i)).collect();
            start = open;
        }
    }
    let edge = edge(walk, from, start);
    for i in edge..start {
        if walk.is(i, "CONSTRAINT") {
            key.constraint = word(walk, i + 1);
        }
    }
    if key.columns.is_empty() {
        let mut first = edge;
        while walk.is_any(
            first,
            &["ADD", "COLUMN", "IF", "NOT", "EXISTS", "MODIFY", "CHANGE"],
        ) {
            first += 1;
        }
        key.columns.extend(word(walk, first));
    }
    key
}

/// Where the element of a list that `at` stands in begins.
fn edge(walk: &Walk, from: usize, at: usize) -> usize {
    let mut place = at;
    while place > from {
        let before = place - 1;
        if walk.is_symbol(before, ")") {
            let open = (from..before)
                .rev()
                .find(|&open| walk.is_symbol(open, "(") && walk.closes[open] == before);
            place = open.unwrap_or(before);
            continue;
        }
        if walk.is_symbol(before, ",") || walk.is_symbol(before, ";") || walk.is(before, "ADD") {
            break;
        }
        place = before;
    }
    place
}

fn word(walk: &Walk, at: usize) -> Option<String> {
    walk.token(at).and_then(|seen| ident(walk.dialect, seen))
}

/// Writes down what `ALTER TABLE`, whose table stands at `table`, drops between `at` and `end`.
pub(super) fn dropped(walk: &mut Walk, table: usize, at: usize, end: usize) {
    let (Named::Table(name, _), _) = name::read(walk.dialect, walk.tokens, table) else {
        return;
    };
    for i in at..end {
        if !walk.is(i, "DROP") {
            continue;
        }
        let (mut next, column) = if walk.is(i + 1, "CONSTRAINT") {
            (i + 2, false)
        } else if walk.are(i + 1, &["FOREIGN", "KEY"]) {
            (i + 3, false)
        } else if walk.is(i + 1, "COLUMN") {
            (i + 2, true)
        } else if walk.is_any(
            i + 1,
            &[
                "INDEX",
                "KEY",
                "PRIMARY",
                "DEFAULT",
                "NOT",
                "CHECK",
                "PARTITION",
                "UNIQUE",
            ],
        ) {
            continue;
        } else {
            (i + 1, true)
        };
        next = walk.skip_if_exists(next);
        if let (Some(part), Some(seen)) = (word(walk, next), walk.token(next)) {
            let start = seen.token.start + walk.place.base;
            walk.out.dropped.push(Dropped {
                table: name.clone(),
                name: part,
                column,
                start,
            });
        }
    }
}
