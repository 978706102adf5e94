//! RabbitMQ as a broker: a stream per partition of a topic, over the server's stream protocol.
//!
//! `names.rs` says what things are called there, `wire.rs`, `chunk.rs` and `amqp.rs` how bytes are
//! written and read, `connect.rs` enters, `link.rs` is a connection in use, `session.rs` publishes,
//! `seek.rs` looks at places, `subscription.rs` reads, `admin.rs` makes streams,
//! `accounts.rs` writes down what a service may do: the protocol has no call to make users. Why the
//! protocol is written here: docs/adr/0012.

#![warn(missing_docs)]

mod accounts;
mod admin;
mod amqp;
mod chunk;
mod connect;
mod errors;
mod link;
mod names;
mod seek;
mod session;
mod subscription;
mod wire;

use freehold_broker::{
    Admin, BoxFuture, Broker, BrokerInfo, Error, ErrorKind, Login, Lost, Result, Secret, Session,
    Verifier,
};

use crate::connect::Place;
use crate::link::Link;

/// RabbitMQ with its stream plugin, 3.10 or later. Address: `rabbitmq-stream://host:5552`, with TLS
/// `rabbitmq-stream+tls://host:5551`; a virtual host other than `/` follows as the path.
///
/// Logins are names and passwords. Every node that the address leads to must hold a replica of the
/// streams, which it does unless told otherwise.
#[derive(Debug, Clone, Copy)]
pub struct RabbitMq;

const INFO: BrokerInfo = BrokerInfo {
    name: "rabbitmq",
    makes_accounts: false,
    changes_retention: false,
    refuses_backwards: false,
};

impl Broker for RabbitMq {
    fn info(&self) -> &BrokerInfo {
        &INFO
    }

    fn connect<'a>(
        &'a self,
        address: &'a str,
        login: &'a Login,
    ) -> BoxFuture<'a, Result<Box<dyn Session>>> {
        Box::pin(async move {
            let session = session::RabbitSession::open(Place::of(address)?, login).await?;
            Ok(Box::new(session) as Box<dyn Session>)
        })
    }

    fn administer<'a>(
        &'a self,
        address: &'a str,
        login: &'a Login,
    ) -> BoxFuture<'a, Result<Box<dyn Admin>>> {
        Box::pin(async move {
            let place = Place::of(address)?;
            let link = Link::open(&place, login, &Lost::not_yet()).await?;
            let admin = admin::RabbitAdmin::new(link, place.vhost);
            Ok(Box::new(admin) as Box<dyn Admin>)
        })
    }

    fn verifier(&self, secret: &Secret) -> Result<Verifier> {
        let mut salt = [0; 4];
        let odd = |_| {
            Error::new(
                ErrorKind::Unknown,
                "the operating system has no random bytes",
            )
        };
        getrandom::fill(&mut salt).map_err(odd)?;
        Ok(accounts::verifier(secret, salt))
    }
}
