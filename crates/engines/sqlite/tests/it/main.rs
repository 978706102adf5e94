//! SQLite's own matters on real files: making, marks, modes, triggers, cancellation, peers,
//! removal. What every engine must do is in the testkit's conformance suite.

mod append_only;
mod foreign;
mod session;
mod store;
mod support;
