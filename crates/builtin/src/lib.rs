//! The one list of engines with the support matrix made from it, and the one list of brokers.
//!
//! Only this crate names concrete ones; to add one is a line in [`engines`] or [`brokers`]. It
//! decides nothing.

mod matrix;

use freehold_broker::Broker;
use freehold_broker::embedded::Embedded;
use freehold_engine::Engine;
#[cfg(feature = "kafka")]
use freehold_kafka::Kafka;
use freehold_model::EngineKind;
use freehold_mysql::Mysql;
use freehold_nats::Nats;
use freehold_postgres::Postgres;
use freehold_rabbitmq::RabbitMq;
use freehold_sqlite::Sqlite;

pub use matrix::{SupportRow, support_matrix};

/// Every engine, in the order in which they are shown.
pub fn engines() -> &'static [&'static dyn Engine] {
    &[&Postgres, &Mysql, &Sqlite]
}

/// The engine that serves this kind; `None`: not there yet.
pub fn engine(kind: EngineKind) -> Option<&'static dyn Engine> {
    engines()
        .iter()
        .copied()
        .find(|engine| engine.info().kinds.contains(&kind))
}

/// Every broker, in the order in which they are shown.
pub fn brokers() -> &'static [&'static dyn Broker] {
    &[
        &Embedded,
        &Nats,
        &RabbitMq,
        #[cfg(feature = "kafka")]
        &Kafka,
    ]
}

/// The broker of this kind, as in `broker: { kind: … }`; `None`: not there yet.
pub fn broker(kind: &str) -> Option<&'static dyn Broker> {
    let mut brokers = brokers().iter().copied();
    brokers.find(|broker| broker.info().name == kind)
}
