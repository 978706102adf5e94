//! End to end: the real binary on the real examples.

mod bad_input;
mod binary;
mod embedded;
mod secrets;
mod servers;
