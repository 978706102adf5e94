//! The integration tests of this crate.

mod bookvault;
mod definitions;
mod encrypted;
mod expressions;
mod instances;
mod models;
mod real;
mod simulation;
mod totality;
