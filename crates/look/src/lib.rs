//! How freehold's pages look: tokens, type, shapes of states, the frame of a page, numbers.
//!
//! Owns what the audit's report and the console share. Pure text in, pure text out. Must not know
//! what a page is about, and never points outside: no font, script or picture is fetched.

pub mod clock;
pub mod number;
pub mod page;
pub mod rounding;
pub mod shape;
pub mod spans;
pub mod svg;
pub mod theme;

pub use shape::Shape;

/// Tokens, type and the parts that all pages have, as one stylesheet: light, dark and print.
pub const BASE_CSS: &str = include_str!("base.css");

#[cfg(test)]
mod contrast;
