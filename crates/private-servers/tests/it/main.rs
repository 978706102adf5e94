//! Private servers of each kind, started for real.
//!
//! A kind whose server is not installed is skipped loudly, and fails with `CI=true`. Temporary
//! folders stay after a failure, their servers do not.

#![expect(
    clippy::unwrap_used,
    reason = "clippy sees the functions beside the tests as no tests"
)]

mod life;
mod nats;
mod refusals;
mod scratch;
mod secrets;
mod settings;
