//! Relay and applier against real stores. The broker is a double in memory that keeps the
//! contract's promises and no more; real brokers have their own conformance suite.

mod crashes;
mod left_out;
mod memory;
mod models;
mod operate;
mod peer;
mod read_models;
mod relay;
mod restores;
mod storm;
mod tokens;
mod tombstones;
mod way;
mod world;
