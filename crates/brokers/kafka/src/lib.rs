//! Kafka as a broker: a topic for each topic, over Kafka's own protocol.
//!
//! `wire.rs` says what is asked in which version and what things are called there, `records.rs` how
//! messages are written and read, `scram.rs` how one proves a password, `connect.rs` enters,
//! `link.rs` is a connection in use, `cluster.rs` finds leaders, `log.rs` looks at partitions,
//! `session.rs` publishes, `subscription.rs` reads, `admin.rs` makes topics, `accounts.rs` logins and
//! rights. Requests and their bytes come from the crate `kafka-protocol`: docs/adr/0013.

#![warn(missing_docs)]

mod accounts;
mod admin;
mod cluster;
mod connect;
mod errors;
mod link;
mod log;
mod patience;
mod records;
mod scram;
mod session;
mod subscription;
mod wire;

use freehold_broker::{
    Admin, BoxFuture, Broker, BrokerInfo, Login, Result, Secret, Session, Verifier,
};

use crate::cluster::Cluster;
use crate::connect::Place;

/// Kafka 3.5 or later with KRaft, SCRAM-SHA-512 and an authorizer. Address:
/// `kafka://host:9092,other:9092`, with TLS `kafka+tls://host:9093`.
///
/// Logins are names and passwords. Where a listener offers no SCRAM-SHA-512, PLAIN is used over TLS.
#[derive(Debug, Clone, Copy)]
pub struct Kafka;

const INFO: BrokerInfo = BrokerInfo {
    name: "kafka",
    makes_accounts: true,
    changes_retention: true,
    refuses_backwards: false,
};

impl Broker for Kafka {
    fn info(&self) -> &BrokerInfo {
        &INFO
    }

    fn connect<'a>(
        &'a self,
        address: &'a str,
        login: &'a Login,
    ) -> BoxFuture<'a, Result<Box<dyn Session>>> {
        Box::pin(async move {
            let session = session::KafkaSession::open(Place::of(address)?, login).await?;
            Ok(Box::new(session) as Box<dyn Session>)
        })
    }

    fn administer<'a>(
        &'a self,
        address: &'a str,
        login: &'a Login,
    ) -> BoxFuture<'a, Result<Box<dyn Admin>>> {
        Box::pin(async move {
            let cluster = Cluster::enter(Place::of(address)?, login).await?;
            Ok(Box::new(admin::KafkaAdmin::new(cluster)) as Box<dyn Admin>)
        })
    }

    fn verifier(&self, secret: &Secret) -> Result<Verifier> {
        let mut salt = [0; 18];
        getrandom::fill(&mut salt).map_err(errors::nonsense)?;
        Ok(scram::Stored::of(secret, salt).verifier())
    }
}
