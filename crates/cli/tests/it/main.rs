//! End to end: the real binary on the real examples.
#![expect(clippy::print_stderr, reason = "skips and shapes have to be seen")]

mod adopt;
mod bad_input;
mod binary;
mod change;
mod embedded;
mod check;
mod histories;
mod killed;
mod pooled;
mod real_tools;
mod rotation;
mod secrets;
mod servers;
