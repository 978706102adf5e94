//! The conformance suite over every shape.

mod conformance;
mod refusals;
