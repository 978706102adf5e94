//! What tests stand on: private real servers, shapes to run a suite over, a small system to run it
//! with, and the conformance suite itself. A dev-dependency only; nothing of it ships.
//!
//! A shape is an engine × isolation × kind of admin. [`conformance`] holds one function per
//! promise; `tests/it` runs each over every shape.

pub mod conformance;
mod crash;
mod must;
mod neighbour;
mod orders;
mod servers;
mod shape;
pub mod twelve;

pub use crash::{Crashing, Death};
pub use must::Must;
pub use neighbour::Neighbour;
pub use orders::{OrdersFiles, orders_files, orders_target, orders_target_of};
pub use servers::{TestServer, server};
pub use shape::{Admin, Shape, shapes};
