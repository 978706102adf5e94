//! The lexer's own tests: tokens per dialect, and that its time is linear.

use std::cell::Cell;

thread_local! {
    static STEPS: Cell<usize> = const { Cell::new(0) };
}

/// Called for every byte that the lexer looks at.
pub(super) fn count_step() {
    STEPS.with(|steps| steps.set(steps.get() + 1));
}
