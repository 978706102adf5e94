//! The engine against a real server. `world` starts one and plays lifecycle's part; the other
//! files are about one matter each. `attacks` is the list of what identities must not be able to do.

#![expect(
    clippy::unwrap_used,
    reason = "clippy sees the functions beside the tests as no tests"
)]

mod admin;
mod attacks;
mod cycle;
mod drift;
mod plane;
mod session;
mod tls;
mod world;
