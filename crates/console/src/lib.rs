//! The console: what a running system looks like, as pages and as JSON.
//!
//! Owns the pages, the plain data that they show, and the small server in front of them. A page is
//! a pure function of a [`Moment`]; where a moment comes from is told by a [`Source`]. Must not look
//! into a database, a broker or a file itself, and never fetches anything from outside.
//!
//! `moment` is the data, `page` the pages, `map` the drawing of the map, `serve` the HTTP side.

mod address;
mod map;
pub mod moment;
pub mod openapi;
mod otlp;
pub mod page;
mod parts;
pub mod serve;
pub mod source;
pub mod spans;

pub use moment::Moment;
pub use serve::{Options, serve};
pub use source::{Acted, Action, Answered, Call, Source};
pub use spans::Spans;
