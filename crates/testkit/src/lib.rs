//! What tests stand on: private real servers, shapes to run a suite over, a small system to run it
//! with, and the conformance suite itself. A dev-dependency only; nothing of it ships.
//!
//! A shape is an engine × isolation × kind of admin. [`conformance`] holds one function per
//! promise; `tests/it` runs each over every shape.

pub mod audit;
pub mod bookshop;
pub mod broker_conformance;
pub mod by_hand;
pub mod conformance;
mod crash;
mod kafka;
mod must;
mod neighbour;
pub mod once;
mod orders;
mod pooler;
mod proxy;
mod rabbitmq;
mod random;
pub mod readshop;
pub mod sagashop;
mod servers;
mod shape;
mod small_disk;
pub mod trio;
pub mod twelve;

pub use crash::{Crashing, Death};
pub use kafka::KafkaServer;
pub use must::Must;
pub use neighbour::Neighbour;
pub use orders::{OrdersFiles, orders_files, orders_target, orders_target_of};
pub use pooler::Pooler;
pub use proxy::{Cut, Proxy};
pub use rabbitmq::RabbitServer;
pub use random::Random;
pub use servers::{TestServer, server};
pub use shape::{Admin, Shape, shapes};
pub use small_disk::SmallDisk;
