//! `freehold`: what a Rust service needs of freehold beyond SQL. Knows no other crate of freehold,
//! starts nothing, holds no connection: the service's own database is the interface.
//!
//! - [`Event`] and [`Fact`]: what happened, typed or not; [`outbox`] writes them within the
//!   transaction of the business change, one module per driver, each behind a feature of its name.
//! - [`Fallback`]: what to do when a copy has no row: ask the owner's API, with a time-out, a
//!   circuit breaker and a memory of what is not there either.
//! - [`Breaker`]: the circuit breaker alone, for any call to another service.
//! - [`Token`]: read your own writes, over services.
//! - [`testing`]: for a service's own tests, what was published and copies as the sidecar fills them.
//! - [`participant`]: what a service that sagas call has to decide.

mod breaker;
mod error;
mod event;
mod fallback;
pub mod outbox;
pub mod participant;
pub mod testing;
pub mod token;

pub use breaker::{Breaker, Permit, State};
pub use error::{Error, Result};
pub use event::{Event, Fact};
pub use fallback::{Answer, Fallback, Limits, Miss};
pub use token::{NoToken, NotSeen, Token, Written};
