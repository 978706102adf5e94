//! The integration tests of this crate.

mod definitions;
mod expressions;
mod simulation;
